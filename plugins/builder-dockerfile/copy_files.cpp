#include "copy_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <vector>

#include "archive.hpp"
#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/extended_attributes.hpp"
#include "layer_archive/file_content.hpp"
#include "layer_archive/system_error.hpp"
#include "text.hpp"

namespace gantry::dockerfile {

using layer_archive::Directory;
using layer_archive::throw_errno;

namespace {

std::string in_proc(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

/// One tree on its way into another.
class Copying {
 public:
  Copying(const CopyOptions& options, const Call& call) : options_(options), call_(call) {}

  /// What is in a directory; `path` is where it stands below the source, for the patterns.
  void content(int from, int to, const std::string& path) {
    layer_archive::check_depth(path);
    const Directory directory = Directory::open(from, ".");
    for (const std::string& name : directory.sorted_names()) {
      call_.check();
      entry(directory.fd(), name, to, name, path.empty() ? name : path + "/" + name);
    }
  }

  void entry(int from, const std::string& name, int to, const std::string& new_name, const std::string& path) {
    if (!options_.exclude.empty() && options_.exclude.matches(path)) return;
    struct stat status {};
    if (::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      throw_errno("cannot read " + layer_archive::quoted(path));
    if (S_ISSOCK(status.st_mode)) return;
    if (S_ISDIR(status.st_mode)) {
      subdirectory(from, name, to, new_name, path);
    } else {
      layer_archive::remove_tree(to, new_name);
      if (linked(status, to, new_name)) return;
      make(from, name, to, new_name, status, path);
    }
    attributes(from, name, to, new_name, status);
  }

 private:
  void subdirectory(int from, const std::string& name, int to, const std::string& new_name, const std::string& path) {
    struct stat there {};
    const bool exists = ::fstatat(to, new_name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !S_ISDIR(there.st_mode)) layer_archive::remove_tree(to, new_name);
    if ((!exists || !S_ISDIR(there.st_mode)) && ::mkdirat(to, new_name.c_str(), 0700) != 0) {
      throw_errno("cannot make " + layer_archive::quoted(path));
    }
    content(Directory::open(from, name).fd(), Directory::open(to, new_name).fd(), path);
  }

  /// A further name of a file that was copied already.
  bool linked(const struct stat& status, int to, const std::string& name) {
    if (status.st_nlink < 2 || !S_ISREG(status.st_mode)) return false;
    const auto [known, is_new] = links_.try_emplace({status.st_dev, status.st_ino});
    if (!is_new) {
      if (::linkat(known->second.first.get(), known->second.second.c_str(), to, name.c_str(), 0) == 0) return true;
      throw_errno("cannot link " + layer_archive::quoted(name));
    }
    known->second = {UniqueFd{::fcntl(to, F_DUPFD_CLOEXEC, 0)}, name};
    return false;
  }

  void make(int from, const std::string& name, int to, const std::string& new_name, const struct stat& status,
            const std::string& path) {
    if (S_ISREG(status.st_mode)) {
      const UniqueFd in = layer_archive::open_regular_in(from, name);
      const UniqueFd out{::openat(to, new_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
      if (!in || !out) throw_errno("cannot copy " + layer_archive::quoted(path));
      layer_archive::copy_content(in.get(), out.get(), status.st_size, call_);
    } else if (S_ISLNK(status.st_mode)) {
      std::string target(static_cast<std::size_t>(status.st_size) + 1, '\0');
      const ssize_t size = ::readlinkat(from, name.c_str(), target.data(), target.size());
      if (size < 0) throw_errno("cannot read " + layer_archive::quoted(path));
      target.resize(static_cast<std::size_t>(size));
      if (::symlinkat(target.c_str(), to, new_name.c_str()) != 0)
        throw_errno("cannot make " + layer_archive::quoted(path));
    } else if (::mknodat(to, new_name.c_str(), (status.st_mode & S_IFMT) | 0600, status.st_rdev) != 0) {
      throw_errno("cannot make " + layer_archive::quoted(path));
    }
  }

  void attributes(int from, const std::string& name, int to, const std::string& new_name, const struct stat& status) {
    const Owner owner = options_.owner.value_or(Owner{status.st_uid, status.st_gid});
    if (::fchownat(to, new_name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno("cannot set the owner of " + layer_archive::quoted(new_name));
    }
    if (!S_ISLNK(status.st_mode)) {
      const mode_t mode = options_.mode.value_or(status.st_mode & 07777);
      if (::fchmodat(to, new_name.c_str(), mode, 0) != 0)
        throw_errno("cannot set the mode of " + layer_archive::quoted(new_name));
    }
    for (const auto& [key, value] : layer_archive::extended_attributes(in_proc(from, name))) {
      if (!layer_archive::is_layer_attribute(key)) continue;
      ::lsetxattr(in_proc(to, new_name).c_str(), key.c_str(), value.data(), value.size(), 0);
    }
    const timespec modified{status.st_mtim.tv_sec, 0};
    const timespec times[2] = {modified, modified};
    ::utimensat(to, new_name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }

  const CopyOptions& options_;
  const Call& call_;
  std::map<std::pair<dev_t, ino_t>, std::pair<UniqueFd, std::string>> links_;
};

std::string base_name(const std::string& path) {
  const std::string clean = clean_in_root(path);
  return clean.substr(clean.rfind('/') + 1);
}

/// The directory and the name that a single file gets.
struct Place {
  UniqueFd directory;
  std::string name;
};

/// Where a link that leads to nothing yet leads to.
std::string follow_links(const Tree& to, std::string path) {
  constexpr int kMostLinks = 40;
  for (int links = 0; links < kMostLinks; ++links) {
    std::string parent;
    struct stat status {};
    if (!to.resolve(parent_of(path), parent, status)) return path;
    const UniqueFd directory = to.open(parent, O_PATH | O_DIRECTORY);
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(directory.get(), base_name(path).c_str(), target.data(), target.size());
    if (size <= 0) return path;
    target.resize(static_cast<std::size_t>(size));
    path = clean_in_root(target.front() == '/' ? target : parent + "/" + target);
  }
  throw Error{Errc::invalid, "too many links at " + layer_archive::quoted("/" + path)};
}

Place place_of(const std::string& name, const Tree& to, const std::string& destination, const Owner& owner) {
  std::string path = clean_in_root(destination);
  std::string real;
  struct stat status {};
  const bool exists = to.resolve(path, real, status);
  if (destination.ends_with('/') || (exists && S_ISDIR(status.st_mode))) {
    return {to.make_directories(path, owner.uid, owner.gid), name};
  }
  // A link to a file is followed: the file is replaced, or made.
  path = exists ? real : follow_links(to, path);
  return {to.make_directories(parent_of(path), owner.uid, owner.gid), base_name(path)};
}

}  // namespace

void copy_into(const Tree& from, const std::string& source, const Tree& to, const std::string& destination,
               const CopyOptions& options, const Call& call) {
  std::string real;
  struct stat status {};
  if (!from.resolve(source, real, status)) throw Error{Errc::not_found, "stat " + source + ": file does not exist"};
  const Owner owner = options.owner.value_or(Owner{});
  Copying copying{options, call};
  if (S_ISDIR(status.st_mode)) {
    // As in dockerd: what is on the way is root's, what is copied belongs to its owner.
    static_cast<void>(to.make_directories(parent_of(clean_in_root(destination)), 0, 0));
    const UniqueFd directory = to.make_directories(destination, owner.uid, owner.gid);
    const UniqueFd source_directory = from.open(real, O_RDONLY | O_DIRECTORY);
    if (!source_directory) throw_errno("cannot open " + layer_archive::quoted(source));
    copying.content(source_directory.get(), directory.get(), "");
    return;
  }
  const Place place = place_of(base_name(source), to, destination, owner);
  const UniqueFd parent = from.open(parent_of(real), O_RDONLY | O_DIRECTORY);
  if (!parent) throw_errno("cannot open " + layer_archive::quoted(source));
  copying.entry(parent.get(), base_name(real), place.directory.get(), place.name, base_name(source));
}

void extract_into(const Tree& from, const std::string& source, const Tree& to, const std::string& destination,
                  std::optional<std::uint64_t> limit, const Call& call) {
  const UniqueFd archive = from.open_file(source);
  if (!archive) throw_errno("cannot open " + layer_archive::quoted(source));
  const UniqueFd directory = to.make_directories(destination, 0, 0);
  unpack_archive(archive.get(), directory.get(), call, limit);
}

void write_into(const std::string& content, const std::string& name, const Tree& to, const std::string& destination,
                const CopyOptions& options) {
  const Owner owner = options.owner.value_or(Owner{});
  const Place place = place_of(name, to, destination, owner);
  layer_archive::remove_tree(place.directory.get(), place.name);
  const UniqueFd file{
      ::openat(place.directory.get(), place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file) throw_errno("cannot make " + layer_archive::quoted(place.name));
  for (std::size_t put = 0; put < content.size();) {
    const ssize_t done = ::write(file.get(), content.data() + put, content.size() - put);
    if (done < 0) throw_errno("cannot write " + layer_archive::quoted(place.name));
    put += static_cast<std::size_t>(done);
  }
  if (::fchown(file.get(), owner.uid, owner.gid) != 0 || ::fchmod(file.get(), options.mode.value_or(0644)) != 0) {
    throw_errno("cannot set the attributes of " + layer_archive::quoted(place.name));
  }
}

}  // namespace gantry::dockerfile
