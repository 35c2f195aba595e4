#include "volumes/copy_up.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/root_path.hpp"
#include "gantry/regular_file.hpp"

#ifndef FICLONE
#include <linux/fs.h>
#endif

namespace gantry::volumes {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory open_directory(int fd, const std::string& name) {
  const int opened = ::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (opened < 0) throw_errno("cannot open " + name);
  Directory directory{::fdopendir(opened)};
  if (!directory) {
    ::close(opened);
    throw_errno("cannot read " + name);
  }
  return directory;
}

std::vector<std::string> names_in(DIR* directory) {
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// Both are paths below /proc/self/fd, links that have to be followed.
void copy_attributes(const std::string& from, const std::string& to) {
  std::vector<char> names(65536);
  const ssize_t length = ::listxattr(from.c_str(), names.data(), names.size());
  std::vector<char> value(65536);
  for (ssize_t at = 0; at < length;) {
    const std::string name = names.data() + at;
    at += static_cast<ssize_t>(name.size()) + 1;
    if (name.starts_with("trusted.") || name == "security.selinux") continue;
    const ssize_t size = ::getxattr(from.c_str(), name.c_str(), value.data(), value.size());
    if (size < 0) continue;
    if (::setxattr(to.c_str(), name.c_str(), value.data(), static_cast<std::size_t>(size), 0) != 0 &&
        errno != ENOTSUP && errno != EPERM) {
      throw_errno("cannot set " + name);
    }
  }
}

void copy_content(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0) return;
  for (;;) {
    const ssize_t moved = ::copy_file_range(from, nullptr, to, nullptr, std::size_t{1} << 30, 0);
    if (moved == 0) return;
    if (moved > 0) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) throw_errno("cannot copy");
    break;
  }
  std::vector<char> buffer(std::size_t{1} << 18);
  for (;;) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0) throw_errno("cannot read");
    if (got == 0) return;
    write_all(to, {buffer.data(), static_cast<std::size_t>(got)});
  }
}

UniqueFd open_entry(int parent, const std::string& name) {
  UniqueFd entry{::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  if (!entry) throw_errno("cannot open " + name);
  return entry;
}

/// One copy of a tree. The volume may be a running container's too, which exchanges what has just been copied for
/// links: a copy is opened once more, without following, and changed by that descriptor only.
class Copy {
 public:
  /// `volume`: the directory that all goes to.
  explicit Copy(int volume) : volume_(volume) {}

  /// `path`: of `to` in the volume, "" or ending with a slash.
  void directory_content(int from, int to, const std::string& path) {
    // As deep as a path can say, no deeper: the stack ends somewhere.
    if (path.size() >= PATH_MAX) throw Error{Errc::io, "cannot copy " + path.substr(0, 64) + "...: file name too long"};
    const Directory source = open_directory(from, ".");
    for (const std::string& name : names_in(source.get())) entry(::dirfd(source.get()), to, path, name);
  }

  static void metadata(int from_parent, int to_parent, const std::string& name, const struct stat& status) {
    const UniqueFd copied = open_entry(to_parent, name);
    struct stat found {};
    if (::fstat(copied.get(), &found) != 0 || (found.st_mode & S_IFMT) != (status.st_mode & S_IFMT)) {
      throw Error{Errc::io, "somebody changes the volume during the copy: " + name};
    }
    const bool is_owned = found.st_uid == status.st_uid && found.st_gid == status.st_gid;
    // A network share may refuse what changes nothing.
    if (::fchownat(copied.get(), "", status.st_uid, status.st_gid, AT_EMPTY_PATH) != 0 &&
        !(errno == EPERM && is_owned)) {
      throw_errno("cannot set the owner of " + name);
    }
    const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
    if (S_ISLNK(status.st_mode)) {
      // Nothing else of a link can be set; without following that is safe by its name.
      if (::utimensat(to_parent, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
        throw_errno("cannot set the times of " + name);
      }
      return;
    }
    const std::string to = proc_path(copied.get());
    if (::chmod(to.c_str(), status.st_mode & 07777U) != 0) throw_errno("cannot set the mode of " + name);
    copy_attributes(proc_path(open_entry(from_parent, name).get()), to);
    if (::utimensat(AT_FDCWD, to.c_str(), times.data(), 0) != 0) throw_errno("cannot set the times of " + name);
  }

  /// Takes away what was made, and nothing that somebody else has put beside it.
  void undo() const {
    std::error_code ignored;
    for (const std::string& name : made_) std::filesystem::remove_all(proc_path(volume_) + "/" + name, ignored);
  }

 private:
  using Inode = std::pair<dev_t, ino_t>;

  void note(const std::string& path, const std::string& name) {
    if (path.empty()) made_.push_back(name);
  }

  void entry(int from, int to, const std::string& path, const std::string& name) {
    struct stat status {};
    if (::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) throw_errno("cannot stat " + name);
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 && link_to_copied(status, to, path, name)) return;
    make(from, to, path, name, status);
    metadata(from, to, name, status);
  }

  bool link_to_copied(const struct stat& status, int to, const std::string& path, const std::string& name) {
    const auto [known, is_new] = links_.try_emplace(Inode{status.st_dev, status.st_ino}, path + name);
    if (is_new) return false;
    const UniqueFd first = open_in_root(volume_, known->second, O_PATH | O_NOFOLLOW);
    if (!first || ::linkat(AT_FDCWD, proc_path(first.get()).c_str(), to, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      throw_errno("cannot link " + name);
    }
    note(path, name);
    return true;
  }

  void make(int from, int to, const std::string& path, const std::string& name, const struct stat& status) {
    if (S_ISDIR(status.st_mode)) {
      if (::mkdirat(to, name.c_str(), 0700) != 0) throw_errno("cannot make directory " + name);
      note(path, name);
      const Directory source = open_directory(from, name);
      const Directory target = open_directory(to, name);
      directory_content(::dirfd(source.get()), ::dirfd(target.get()), path + name + "/");
    } else if (S_ISREG(status.st_mode)) {
      const UniqueFd source_entry{::openat(from, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
      struct stat found {};
      const UniqueFd source = open_regular(source_entry.get(), found);
      if (!source) throw_errno("cannot open " + name);
      const UniqueFd target{::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
      if (!target) throw_errno("cannot create " + name);
      note(path, name);
      copy_content(source.get(), target.get());
    } else if (S_ISLNK(status.st_mode)) {
      const auto link = std::filesystem::read_symlink(proc_path(from) + "/" + name);
      if (::symlinkat(link.c_str(), to, name.c_str()) != 0) throw_errno("cannot make link " + name);
      note(path, name);
    } else if (!S_ISSOCK(status.st_mode)) {
      if (::mknodat(to, name.c_str(), status.st_mode, status.st_rdev) != 0) throw_errno("cannot make node " + name);
      note(path, name);
    } else {
      if (::mknodat(to, name.c_str(), S_IFSOCK | 0600, 0) != 0) throw_errno("cannot make socket " + name);
      note(path, name);
    }
  }

  int volume_;
  std::map<Inode, std::string> links_;  ///< The first copy's path in the volume.
  std::vector<std::string> made_;       ///< In the volume's root.
};

}  // namespace

bool copy_up(int root, const std::string& path, const std::string& volume_directory) {
  const Directory target = open_directory(AT_FDCWD, volume_directory);
  if (!names_in(target.get()).empty()) return false;
  const UniqueFd source = open_in_root(root, path, O_PATH);
  if (!source) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw_errno("cannot resolve " + path);
  }
  struct stat status {};
  if (::fstat(source.get(), &status) != 0) throw_errno("cannot stat " + path);
  if (!S_ISDIR(status.st_mode)) throw Error{Errc::invalid, "source " + path + " is not directory"};
  Copy copy{::dirfd(target.get())};
  try {
    copy.directory_content(source.get(), ::dirfd(target.get()), "");
    Copy::metadata(source.get(), ::dirfd(target.get()), ".", status);
  } catch (...) {
    copy.undo();
    throw;
  }
  return true;
}

}  // namespace gantry::volumes
