#include "layer_archive/tree.hpp"

#include <fcntl.h>
#include <sys/xattr.h>

#include <cerrno>

#include "layer_archive/system_error.hpp"
#include "layer_archive/unpack.hpp"

namespace gantry::layer_archive {

bool find(int directory, const std::string& name, struct stat& out) {
  if (::fstatat(directory, name.c_str(), &out, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) throw_errno("cannot stat " + quoted(name));
  return false;
}

bool is_whiteout(const struct stat& status) noexcept { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

bool is_opaque(int directory) {
  char value = 0;
  return ::fgetxattr(directory, kOpaqueAttribute, &value, 1) == 1 && value == 'y';
}

namespace {

// Not every way of copying keeps nanoseconds.
bool same_time(const timespec& left, const timespec& right) {
  return left.tv_sec == right.tv_sec && (left.tv_nsec == right.tv_nsec || left.tv_nsec == 0 || right.tv_nsec == 0);
}

std::string capabilities(const FileAt& file) {
  std::string value(256, '\0');
  const std::string path = "/proc/self/fd/" + std::to_string(file.directory) + "/" + file.name;
  const ssize_t size = ::lgetxattr(path.c_str(), "security.capability", value.data(), value.size());
  value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return value;
}

}  // namespace

bool differs(const FileAt& before, const FileAt& after) {
  const struct stat& left = before.status;
  const struct stat& right = after.status;
  if (left.st_mode != right.st_mode || left.st_uid != right.st_uid || left.st_gid != right.st_gid) return true;
  if (left.st_rdev != right.st_rdev) return true;
  if (!S_ISDIR(left.st_mode) && (left.st_size != right.st_size || !same_time(left.st_mtim, right.st_mtim))) return true;
  return S_ISREG(left.st_mode) && capabilities(before) != capabilities(after);
}

}  // namespace gantry::layer_archive
