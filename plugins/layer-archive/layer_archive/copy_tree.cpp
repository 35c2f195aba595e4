#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "gantry/unique_fd.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/extended_attributes.hpp"
#include "layer_archive/system_error.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::layer_archive {
namespace {

std::string in_proc(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

bool is_no_shortcut(int error) {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

// Moves [offset, end), in the kernel if it can.
void copy_range(int from, int to, off_t offset, off_t end, const Call& call) {
  constexpr std::size_t kStep = std::size_t{64} << 20;  // one is done in less than the time to look at the cancellation
  std::vector<char> buffer;
  while (offset < end) {
    call.check();
    off_t in = offset;
    off_t out = offset;
    const auto left = std::min(static_cast<std::size_t>(end - offset), kStep);
    ssize_t moved = -1;
    if (buffer.empty()) moved = ::copy_file_range(from, &in, to, &out, left, 0);
    if (moved < 0 && buffer.empty()) {
      if (!is_no_shortcut(errno)) throw_errno("cannot copy");
      buffer.resize(std::size_t{1} << 18);
    }
    if (!buffer.empty()) {
      moved = ::pread(from, buffer.data(), std::min(left, buffer.size()), offset);
      if (moved > 0) moved = ::pwrite(to, buffer.data(), static_cast<std::size_t>(moved), offset);
      if (moved < 0) throw_errno("cannot copy");
    }
    if (moved == 0) return;
    offset += moved;
  }
}

void copy_content(int from, int to, off_t size, const Call& call) {
  if (size == 0 || ::ioctl(to, FICLONE, from) == 0) return;
  if (::ftruncate(to, size) != 0) throw_errno("cannot set a file's size");
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;  // a hole up to the end
    const off_t start = data < 0 ? at : data;
    const off_t hole = data < 0 ? size : ::lseek(from, start, SEEK_HOLE);
    copy_range(from, to, start, hole < 0 ? size : hole, call);
    at = hole < 0 ? size : hole;
  }
}

void set_attributes(int from, int to, const std::string& name, const struct stat& status) {
  if (::fchownat(to, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0) throw_errno("chown");
  if (!S_ISLNK(status.st_mode) && ::fchmodat(to, name.c_str(), status.st_mode & 07777U, 0) != 0) throw_errno("chmod");
  const std::string target = in_proc(to, name);
  for (const auto& [attribute, value] : extended_attributes(in_proc(from, name))) {
    if (!is_layer_attribute(attribute)) continue;
    if (::lsetxattr(target.c_str(), attribute.c_str(), value.data(), value.size(), 0) != 0) {
      throw_errno("cannot set " + quoted(attribute));
    }
  }
  const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
  if (::utimensat(to, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) throw_errno("cannot set times");
}

class TreeCopy {
 public:
  /// `root` is where the copy goes.
  TreeCopy(int root, const Call& call) : root_(root), call_(call) {}

  void directory(const Directory& from, const Directory& to, const std::string& path) {
    check_depth(path);
    for (const Name& name : from.names()) entry(from.fd(), to, name.text, path + name.text);
  }

 private:
  void entry(int from, const Directory& to, const std::string& name, const std::string& path) {
    call_.check();
    struct stat status {};
    if (!find(from, name, status)) return;
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
      const auto [first, is_new] = links_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!is_new) {
        if (::linkat(root_, first->second.c_str(), to.fd(), name.c_str(), 0) != 0)
          throw_errno("cannot link " + quoted(path));
        return;
      }
    }
    make(from, to.fd(), name, path, status);
    set_attributes(from, to.fd(), name, status);
  }

  void make(int from, int to, const std::string& name, const std::string& path, const struct stat& status) {
    if (S_ISDIR(status.st_mode)) {
      make_directory(to, name, 0700);
      return directory(Directory::open(from, name), Directory::open(to, name), path + "/");
    }
    if (S_ISREG(status.st_mode)) return regular_file(from, to, name, status);
    if (S_ISLNK(status.st_mode)) return symlink(from, to, name);
    if (::mknodat(to, name.c_str(), (status.st_mode & S_IFMT) | 0600U, status.st_rdev) != 0) {
      throw_errno("cannot make node " + quoted(path));
    }
  }

  void regular_file(int from, int to, const std::string& name, const struct stat& status) {
    const UniqueFd source = open_regular_in(from, name);
    if (!source) throw_errno("cannot open " + quoted(name));
    const UniqueFd target{::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!target) throw_errno("cannot create " + quoted(name));
    copy_content(source.get(), target.get(), status.st_size, call_);
  }

  static void symlink(int from, int to, const std::string& name) {
    std::array<char, 4097> target{};
    if (::readlinkat(from, name.c_str(), target.data(), target.size() - 1) < 0) throw_errno("cannot read link");
    if (::symlinkat(target.data(), to, name.c_str()) != 0) throw_errno("cannot make link " + quoted(name));
  }

  int root_;
  const Call& call_;
  /// The first copy of each file with several names, from the root.
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
};

}  // namespace

void replace_attributes(int from, int to, const std::string& name, const struct stat& status) {
  const std::string target = in_proc(to, name);
  for (const auto& [attribute, value] : extended_attributes(target)) {
    if (is_layer_attribute(attribute)) ::lremovexattr(target.c_str(), attribute.c_str());
  }
  set_attributes(from, to, name, status);
}

void copy_tree(int from, int to, const Call& call) {
  TreeCopy copy{to, call};
  copy.directory(Directory::open(from, "."), Directory::open(to, "."), "");
  struct stat status {};
  if (!find(from, ".", status)) throw_errno("cannot stat a layer's root", ENOENT);
  set_attributes(from, to, ".", status);
}

}  // namespace gantry::layer_archive
