#include "layer_archive/entry_writer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "layer_archive/directory.hpp"
#include "layer_archive/extended_attributes.hpp"
#include "layer_archive/system_error.hpp"
#include "layer_archive/tree.hpp"
#include "layer_archive/unpack.hpp"

namespace gantry::layer_archive {
namespace {

constexpr mode_t kPermissions = 07777;
// Each takes an inode and a block on disk, so an honest layer comes nowhere near; a bomb must not take the memory.
constexpr std::size_t kMostDirectories = std::size_t{4} << 20;

// umask(2) can't be read without changing it for all threads.
mode_t process_umask() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Umask:")) return static_cast<mode_t>(std::stoul(line.substr(6), nullptr, 8));
  }
  return 0777;
}

bool sets_group(int directory) {
  struct stat status {};
  return ::fstat(directory, &status) != 0 || (status.st_mode & S_ISGID) != 0;
}

Attributes attributes_of(archive_entry* entry) {
  Attributes out;
  out.uid = static_cast<uid_t>(::archive_entry_uid(entry));
  out.gid = static_cast<gid_t>(::archive_entry_gid(entry));
  out.mode = ::archive_entry_perm(entry) & kPermissions;
  out.modified.tv_sec = ::archive_entry_mtime(entry);
  out.modified.tv_nsec = std::clamp(::archive_entry_mtime_nsec(entry), 0L, 999'999'999L);
  return out;
}

std::array<timespec, 2> access_and(timespec modified) { return {timespec{0, UTIME_OMIT}, modified}; }

[[noreturn]] void fail(const std::string& what, int error) {
  if (error == ENAMETOOLONG || error == ELOOP || error == EXDEV || error == EINVAL || error == ENOENT ||
      error == ENOTDIR) {
    throw Error{Errc::invalid, what + ": " + ::strerror(error)};
  }
  throw_errno(what, error);
}

bool is_directory(const Place& place) {
  struct stat status {};
  if (::fstatat(place.parent, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) fail("cannot stat", errno);
  return S_ISDIR(status.st_mode);
}

std::string path_in_proc(const Place& place) {
  return "/proc/self/fd/" + std::to_string(place.parent) + "/" + place.name;
}

}  // namespace

EntryWriter::EntryWriter(int root, ArchiveReader& reader, const Call& call)
    : root_(root),
      reader_(reader),
      call_(call),
      parents_(root),
      umask_(process_umask()),
      group_inherited_(sets_group(root)) {}

void EntryWriter::write(archive_entry* entry) {
  const char* const name = ::archive_entry_pathname(entry);
  if (name == nullptr || *name == '\0') throw Error{Errc::invalid, "an entry has no name"};
  const std::string path = clean_path(name);
  if (path.empty()) return root_directory(entry);
  const Place place = place_of(path);
  if (place.name.starts_with(kWhiteoutPrefix)) return whiteout(place);
  if (const char* const target = ::archive_entry_hardlink(entry)) return hard_link(place, clean_path(target));
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
      return regular_file(place, entry);
    case AE_IFDIR:
      return directory(place, entry);
    case AE_IFLNK:
      return symlink(place, entry);
    case AE_IFCHR:
    case AE_IFBLK:
    case AE_IFIFO:
      return node(place, entry);
    default:
      throw Error{Errc::invalid, "an entry of an unknown type"};
  }
}

Place EntryWriter::place_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {root_, path, path};
  return {parents_.open_or_make(std::string_view{path}.substr(0, slash)), path.substr(slash + 1), path};
}

void EntryWriter::whiteout(const Place& place) {
  if (place.name == kOpaqueMarker) return opaque(place.parent, ".");
  if (place.name.starts_with(".wh..wh.")) return;  // aufs's own records, which old images carry
  const std::string hidden = place.name.substr(kWhiteoutPrefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..") throw Error{Errc::invalid, "a whiteout of " + quoted(hidden)};
  if (::mknodat(place.parent, hidden.c_str(), S_IFCHR, 0) == 0) return;
  if (errno != EEXIST) fail("cannot make a whiteout", errno);
  // The layer has that name itself, which hides the lower one already, unless directories would be merged.
  struct stat status {};
  if (::fstatat(place.parent, hidden.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) fail("cannot stat", errno);
  if (S_ISDIR(status.st_mode)) opaque(place.parent, hidden);
}

void EntryWriter::opaque(int parent, const std::string& name) {
  const std::string path = path_in_proc({parent, name, {}});
  if (::lsetxattr(path.c_str(), kOpaqueAttribute, "y", 1, 0) != 0) fail("cannot make a directory opaque", errno);
}

template <class Make>
int EntryWriter::make_in_place(const Place& place, Make make) {
  int made = make();
  if (made < 0 && errno == EEXIST) {
    clear(place);
    made = make();
  }
  if (made < 0) fail("cannot make it", errno);
  return made;
}

bool EntryWriter::clear(const Place& place) {
  struct stat status {};
  if (::fstatat(place.parent, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) fail("cannot stat", errno);
  if (S_ISDIR(status.st_mode)) {
    const auto first = directory_times_.lower_bound(place.path);
    const auto last = std::find_if(first, directory_times_.end(), [&](const auto& time) {
      return time.first != place.path && !time.first.starts_with(place.path + "/");
    });
    directory_times_.erase(first, last);
  }
  remove_tree(place.parent, place.name);
  if (S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode)) parents_.forget();
  return is_whiteout(status);
}

void EntryWriter::root_directory(archive_entry* entry) {
  if (::archive_entry_filetype(entry) != AE_IFDIR) throw Error{Errc::invalid, "the root is not a directory"};
  const Attributes attributes = attributes_of(entry);
  group_inherited_ = group_inherited_ || (attributes.mode & S_ISGID) != 0;
  if (::fchown(root_, attributes.uid, attributes.gid) != 0 || ::fchmod(root_, attributes.mode) != 0) {
    fail("cannot set the root's owner and mode", errno);
  }
  set_extended_attributes(entry, root_, {});
  remember_time("", attributes.modified);
}

void EntryWriter::directory(const Place& place, archive_entry* entry) {
  const Attributes attributes = attributes_of(entry);
  bool over_whiteout = false;
  const auto make = [&] { return ::mkdirat(place.parent, place.name.c_str(), attributes.mode & 0777U); };
  const bool existed = make() != 0;
  if (existed && errno != EEXIST) fail("cannot make a directory", errno);
  const bool kept = existed && is_directory(place);
  if (existed && !kept) {
    over_whiteout = clear(place);
    if (make() != 0) fail("cannot make a directory", errno);
  }
  if (!kept) {
    set_attributes(place, attributes, false);
  } else if (::fchownat(place.parent, place.name.c_str(), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
             ::fchmodat(place.parent, place.name.c_str(), attributes.mode, 0) != 0) {
    fail("cannot set the directory's owner and mode", errno);
  }
  group_inherited_ = group_inherited_ || (attributes.mode & S_ISGID) != 0;
  // What the whiteout hid must stay hidden: overlayfs would merge the two directories.
  if (over_whiteout) opaque(place.parent, place.name);
  set_extended_attributes(entry, -1, place);
  remember_time(place.path, attributes.modified);
}

void EntryWriter::regular_file(const Place& place, archive_entry* entry) {
  const Attributes attributes = attributes_of(entry);
  const UniqueFd file{make_in_place(place, [&] {
    return ::openat(place.parent, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    attributes.mode & 0777U);
  })};
  const auto size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0));
  if (size > 0) copy_content(file.get(), size);
  size_ += size;
  if (owner_differs(attributes) && ::fchown(file.get(), attributes.uid, attributes.gid) != 0) fail("chown", errno);
  // After the owner: chown(2) takes the set-user-ID bits and the capabilities away.
  if ((attributes.mode & (umask_ | 07000U)) != 0 && ::fchmod(file.get(), attributes.mode) != 0) fail("chmod", errno);
  set_extended_attributes(entry, file.get(), place);
  const auto times = access_and(attributes.modified);
  if (::futimens(file.get(), times.data()) != 0) fail("cannot set its times", errno);
}

void EntryWriter::copy_content(int file, std::uint64_t size) {
  std::uint64_t end = 0;
  ArchiveReader::Block block;
  while (reader_.next_block(block)) {
    call_.check();
    auto offset = static_cast<off_t>(block.offset);
    while (!block.bytes.empty()) {
      const ssize_t put = ::pwrite(file, block.bytes.data(), block.bytes.size(), offset);
      if (put < 0) {
        if (errno == EINTR) continue;
        fail("cannot write", errno);
      }
      block.bytes = block.bytes.subspan(static_cast<std::size_t>(put));
      offset += put;
    }
    end = static_cast<std::uint64_t>(offset);
  }
  if (end < size && ::ftruncate(file, static_cast<off_t>(size)) != 0) fail("cannot set its size", errno);
}

void EntryWriter::symlink(const Place& place, archive_entry* entry) {
  const char* const target = ::archive_entry_symlink(entry);
  if (target == nullptr || *target == '\0') throw Error{Errc::invalid, "a symbolic link without a target"};
  make_in_place(place, [&] { return ::symlinkat(target, place.parent, place.name.c_str()); });
  set_attributes(place, attributes_of(entry), true);
  set_extended_attributes(entry, -1, place);
}

void EntryWriter::hard_link(const Place& place, const std::string& target) {
  const std::size_t slash = target.rfind('/');
  const int from = slash == std::string::npos ? root_ : parents_.open(std::string_view{target}.substr(0, slash));
  const std::string name = slash == std::string::npos ? target : target.substr(slash + 1);
  if (from < 0 || name.empty())
    throw Error{Errc::invalid, "a hard link to " + quoted(target) + ", which the layer does not have"};
  if (target == place.path) return;
  const auto link = [&] { return ::linkat(from, name.c_str(), place.parent, place.name.c_str(), 0); };
  int made = link();
  if (made < 0 && errno == EEXIST) {
    clear(place);
    made = link();
  }
  if (made < 0) {
    if (errno == EPERM) throw Error{Errc::invalid, "a hard link to " + quoted(target) + ", which is no file"};
    fail("a hard link to " + quoted(target), errno);
  }
}

void EntryWriter::node(const Place& place, archive_entry* entry) {
  const Attributes attributes = attributes_of(entry);
  const auto type = static_cast<mode_t>(::archive_entry_filetype(entry));
  const dev_t device = type == S_IFIFO ? 0
                                       : makedev(static_cast<unsigned>(::archive_entry_rdevmajor(entry)),
                                                 static_cast<unsigned>(::archive_entry_rdevminor(entry)));
  make_in_place(place,
                [&] { return ::mknodat(place.parent, place.name.c_str(), type | (attributes.mode & 0777U), device); });
  set_attributes(place, attributes, false);
  set_extended_attributes(entry, -1, place);
  const auto times = access_and(attributes.modified);
  if (::utimensat(place.parent, place.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    fail("cannot set its times", errno);
}

bool EntryWriter::owner_differs(const Attributes& attributes) const noexcept {
  return attributes.uid != 0 || attributes.gid != 0 || group_inherited_;
}

void EntryWriter::set_attributes(const Place& place, const Attributes& attributes, bool is_link) {
  const char* const name = place.name.c_str();
  if (owner_differs(attributes) &&
      ::fchownat(place.parent, name, attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    fail("chown", errno);
  }
  if (is_link) {
    const auto times = access_and(attributes.modified);
    if (::utimensat(place.parent, name, times.data(), AT_SYMLINK_NOFOLLOW) != 0) fail("cannot set its times", errno);
  } else if ((group_inherited_ || (attributes.mode & (umask_ | 07000U)) != 0) &&
             ::fchmodat(place.parent, name, attributes.mode, 0) != 0) {
    // A directory in one with the set-group-ID bit has that bit from mkdir(2), whatever mode was asked for.
    fail("chmod", errno);
  }
}

void EntryWriter::set_extended_attributes(archive_entry* entry, int file, const Place& place) {
  if (::archive_entry_xattr_reset(entry) == 0) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (name == nullptr || !is_layer_attribute(name)) continue;
    const int outcome = file >= 0 ? ::fsetxattr(file, name, value, size, 0)
                                  : ::lsetxattr(path_in_proc(place).c_str(), name, value, size, 0);
    if (outcome == 0) continue;
    if (errno == ENOSPC || errno == EDQUOT) fail("cannot set " + quoted(name), errno);
    call_.log(LogLevel::warning, "extended attribute " + quoted(name) + " of " + quoted(place.path) +
                                     " is left out: " + ::strerror(errno));
  }
}

void EntryWriter::remember_time(const std::string& path, timespec modified) {
  if (directory_times_.size() >= kMostDirectories) throw Error{Errc::exhausted, "the layer has too many directories"};
  directory_times_[path] = modified;
}

void EntryWriter::finish() {
  for (const auto& [path, modified] : directory_times_) {
    const auto times = access_and(modified);
    if (path.empty()) {
      if (::futimens(root_, times.data()) != 0) fail("cannot set the root's times", errno);
      continue;
    }
    const Place place = place_of(path);
    if (::utimensat(place.parent, place.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) {
      fail("cannot set the times of " + quoted(path), errno);
    }
  }
}

}  // namespace gantry::layer_archive
