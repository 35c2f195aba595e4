#include "tree.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "gantry/error.hpp"
#include "gantry/regular_file.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::dockerfile {

using layer_archive::Directory;
using layer_archive::throw_errno;

namespace {

std::string name_of(int fd) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  if (size < 0) throw_errno("cannot read " + link);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

void list_directory(const Directory& directory, const std::string& path, std::vector<std::string>& out) {
  layer_archive::check_depth(path);
  for (const std::string& name : directory.sorted_names()) {
    out.push_back(path.empty() ? name : path + "/" + name);
    struct stat status {};
    if (::fstatat(directory.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode))
      continue;
    // Copied, for the vector moves.
    const std::string inner = out.back();
    list_directory(Directory::open(directory.fd(), name), inner, out);
  }
}

}  // namespace

Tree::Tree(int root) : root_(root), prefix_(name_of(root)) {
  if (!prefix_.ends_with('/')) prefix_ += '/';
}

UniqueFd Tree::open(const std::string& path, int flags) const {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const std::string name = path.empty() ? "." : path;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root_, name.c_str(), &how, sizeof how);
    // EAGAIN: a rename elsewhere on the system raced with the resolution.
    if (fd >= 0 || errno != EAGAIN) return UniqueFd{static_cast<int>(fd)};
  }
}

UniqueFd Tree::open_file(const std::string& path) const {
  const UniqueFd found = open(path, O_PATH);
  struct stat status {};
  return open_regular(found.get(), status);
}

bool Tree::resolve(const std::string& path, std::string& out, struct stat& status) const {
  const UniqueFd found = open(path, O_PATH);
  if (!found || ::fstat(found.get(), &status) != 0) return false;
  const std::string name = name_of(found.get()) + "/";
  if (!name.starts_with(prefix_)) return false;
  out = clean_in_root(name.substr(prefix_.size()));
  return true;
}

UniqueFd Tree::make_directories(const std::string& path, uid_t uid, gid_t gid) const {
  std::string below;
  for (const std::string& clean = clean_in_root(path); below.size() < clean.size();) {
    const std::size_t start = below.empty() ? 0 : below.size() + 1;
    below = clean.substr(0, clean.find('/', start));
    const UniqueFd there = open(below, O_PATH | O_DIRECTORY);
    if (there) continue;
    if (errno == ENOTDIR) throw Error{Errc::invalid, layer_archive::quoted("/" + below) + " is not a directory"};
    if (errno != ENOENT) throw_errno("cannot open " + layer_archive::quoted("/" + below));
    const std::size_t slash = below.rfind('/');
    const UniqueFd parent = open(slash == std::string::npos ? "" : below.substr(0, slash), O_PATH | O_DIRECTORY);
    const std::string name = slash == std::string::npos ? below : below.substr(slash + 1);
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0) {
      // A link to nothing: dockerd makes what it names.
      if (errno == EEXIST) throw Error{Errc::invalid, layer_archive::quoted("/" + below) + " is a link to nothing"};
      throw_errno("cannot make " + layer_archive::quoted("/" + below));
    }
    if (::fchmodat(parent.get(), name.c_str(), 0755, 0) != 0 ||
        ::fchownat(parent.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno("cannot set the attributes of " + layer_archive::quoted("/" + below));
    }
  }
  UniqueFd made = open(below, O_RDONLY | O_DIRECTORY);
  if (!made) throw_errno("cannot open " + layer_archive::quoted("/" + below));
  return made;
}

std::vector<std::string> Tree::all() const {
  std::vector<std::string> out;
  list_directory(Directory::open(root_, "."), "", out);
  return out;
}

std::string absolute_path(std::string_view path, std::string_view directory) {
  const bool slash = path.ends_with('/') || path == "." || path.ends_with("/.");
  std::string whole{path};
  if (!path.starts_with('/')) whole = std::string{directory} + "/" + whole;
  std::string out = "/" + clean_in_root(whole);
  if (slash && out != "/") out += '/';
  return out;
}

std::string read_whole(int file, std::size_t limit, const std::string& name) {
  std::string out;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read " + layer_archive::quoted(name));
    if (got == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > limit) {
      throw Error{Errc::invalid, layer_archive::quoted(name) + " is larger than " + std::to_string(limit) + " bytes"};
    }
  }
}

}  // namespace gantry::dockerfile
