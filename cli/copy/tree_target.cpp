#include "copy/tree_target.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "client/pending_file.hpp"
#include "command/failure.hpp"
#include "copy/host_path.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

[[noreturn]] void throw_target(const char* call, const std::string& path) {
  throw Failure(std::string(call) + " " + path + ": " + lower(std::strerror(errno)));
}

// Without a way out: no link is followed, also none that another entry has made.
UniqueFd open_below(int root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return UniqueFd{static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how))};
}

// Below the target, without "/" at the ends; "." for itself.
std::string inner_path(const std::string& name) {
  const auto start = name.find_first_not_of('/');
  const std::string path = clean_path(start == std::string::npos ? "" : std::string_view(name).substr(start));
  if (path == ".." || starts_with(path, "../")) throw Failure("invalid path in the archive: \"" + name + "\"");
  return path;
}

std::array<timespec, 2> times_of(const TarMember& member) {
  const timespec time{static_cast<time_t>(member.modified), 0};
  return {time, time};
}

}  // namespace

TreeTarget::TreeTarget(std::string directory)
    : directory_(clean_path(directory)), root_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!root_) throw_target("open", directory);
}

TreeTarget::~TreeTarget() {
  // The inner ones last made come first: what is done in a directory changes its time.
  for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) {
    // Not kept open: a tree may have more directories than a process may have files.
    const UniqueFd made = open_below(root_.get(), at->path, O_RDONLY | O_DIRECTORY);
    if (!made) continue;
    ::fchmod(made.get(), at->member.mode);
    const auto times = times_of(at->member);
    ::futimens(made.get(), times.data());
  }
}

UniqueFd TreeTarget::open_directory(const std::string& path, bool make) const {
  UniqueFd found = open_below(root_.get(), path, O_RDONLY | O_DIRECTORY);
  if (found || errno != ENOENT || !make) return found;
  const PathEntry entry = split_entry(path);
  const UniqueFd parent = open_directory(entry.directory, true);
  if (!parent) return UniqueFd{};
  if (::mkdirat(parent.get(), entry.base.c_str(), 0777) != 0 && errno != EEXIST) return UniqueFd{};
  return open_below(root_.get(), path, O_RDONLY | O_DIRECTORY);
}

std::string TreeTarget::shown(const std::string& name) const { return clean_path(directory_ + "/" + name); }

// Whether a directory is there that may stay; anything else that is in the way is taken away.
bool TreeTarget::make_room(int parent, const std::string& base, const TarMember& member) const {
  struct stat status {};
  if (::fstatat(parent, base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  const bool is_directory = S_ISDIR(status.st_mode);
  if (is_directory && member.type == '5') return true;
  if (is_directory) {
    throw Failure("cannot overwrite directory \"" + shown(member.name) + "\" with non-directory \"" + directory_ +
                  "\"");
  }
  if (member.type == '5') {
    throw Failure("cannot overwrite non-directory \"" + shown(member.name) + "\" with directory \"" + directory_ +
                  "\"");
  }
  if (::unlinkat(parent, base.c_str(), 0) != 0) throw_target("unlink", shown(member.name));
  return false;
}

void TreeTarget::make_directory(int parent, const std::string& path, const TarMember& member, bool exists) {
  const std::string base = split_entry(path).base;
  if (!exists && ::mkdirat(parent, base.c_str(), 0700) != 0) throw_target("mkdir", shown(member.name));
  directories_.push_back({path, member});
}

void TreeTarget::make_file(int parent, const std::string& base, const TarMember& member, TarReader& reader) const {
  const UniqueFd file{
      ::openat(parent, base.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, member.mode & 0777)};
  if (!file) throw_target("open", shown(member.name));
  std::array<char, 65536> buffer;
  while (const std::size_t size = reader.read(buffer)) write_fully(file.get(), {buffer.data(), size});
  ::fchmod(file.get(), member.mode);
  // Only root may give it, and not every file system takes it: the file is right without.
  if (!member.capability.empty()) {
    ::fsetxattr(file.get(), kCapabilityXattr, member.capability.data(), member.capability.size(), 0);
  }
  const auto times = times_of(member);
  ::futimens(file.get(), times.data());
}

void TreeTarget::make_hard_link(int parent, const std::string& base, const TarMember& member) const {
  const PathEntry target = split_entry(inner_path(member.link));
  const UniqueFd from = open_directory(target.directory, false);
  if (!from || ::linkat(from.get(), target.base.c_str(), parent, base.c_str(), 0) != 0) {
    throw_target("link", shown(member.name));
  }
}

void TreeTarget::make(int parent, const std::string& path, const TarMember& member, TarReader& reader) {
  const std::string base = split_entry(path).base;
  const bool exists = make_room(parent, base, member);
  int failed = 0;
  switch (member.type) {
    case '0':
      return make_file(parent, base, member, reader);
    case '1':
      return make_hard_link(parent, base, member);
    case '5':
      return make_directory(parent, path, member, exists);
    case '2':
      failed = ::symlinkat(member.link.c_str(), parent, base.c_str());
      break;
    case '3':
      failed = ::mknodat(parent, base.c_str(), S_IFCHR | member.mode, makedev(member.major, member.minor));
      break;
    case '4':
      failed = ::mknodat(parent, base.c_str(), S_IFBLK | member.mode, makedev(member.major, member.minor));
      break;
    case '6':
      failed = ::mkfifoat(parent, base.c_str(), member.mode);
      break;
    default:
      throw Failure("unhandled tar header type " + std::to_string(member.type));
  }
  if (failed != 0) throw_target("mknod", shown(member.name));
  const auto times = times_of(member);
  ::utimensat(parent, base.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

void TreeTarget::take(const TarMember& member, TarReader& reader) {
  const std::string path = inner_path(member.name);
  // The directory itself is there; what it is like is its owner's business.
  if (path == ".") return;
  const std::string directory = split_entry(path).directory;
  const UniqueFd parent = open_directory(directory, true);
  if (!parent) throw_target("open", shown(directory));
  make(parent.get(), path, member, reader);
}

}  // namespace gantry::cli
