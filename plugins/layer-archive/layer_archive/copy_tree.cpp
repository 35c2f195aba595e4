#include <fcntl.h>
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
#include "layer_archive/file_content.hpp"
#include "layer_archive/system_error.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::layer_archive {
namespace {

std::string in_proc(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
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
