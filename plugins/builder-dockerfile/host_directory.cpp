#include "host_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "as_reader.hpp"
#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/file_content.hpp"
#include "layer_archive/system_error.hpp"
#include "tree.hpp"

namespace gantry::dockerfile {

using layer_archive::throw_errno;

namespace {

[[noreturn]] void throw_changed(const std::string& path) {
  throw Error{Errc::invalid, "the build context has changed while it was read: " + layer_archive::quoted(path)};
}

[[noreturn]] void throw_unreadable(const std::string& path) {
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) throw_changed(path);
  if (errno == EACCES || errno == EPERM) {
    throw Error{Errc::denied,
                "error checking context: no permission to read from " + layer_archive::quoted("/" + path)};
  }
  throw_errno("cannot read " + layer_archive::quoted(path));
}

std::string name_of_open(int fd) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  if (size < 0) throw_errno("cannot read " + link);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

}  // namespace

HostDirectory::HostDirectory(int directory, builder::v1::Reader reader, const Call& call)
    : reader_(std::move(reader)), call_(call) {
  const AsReader rights{reader_};
  // Anew: it was opened with the daemon's rights.
  root_ = UniqueFd{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root_) throw_unreadable("");
  prefix_ = name_of_open(root_.get());
  if (!prefix_.ends_with('/')) prefix_ += '/';
}

UniqueFd HostDirectory::open(const std::string& path, int flags) const {
  const AsReader rights{reader_};
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const std::string name = path.empty() ? "." : path;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root_.get(), name.c_str(), &how, sizeof how);
    // EAGAIN: a rename elsewhere on the system raced with the resolution.
    if (fd >= 0 || errno != EAGAIN) return UniqueFd{static_cast<int>(fd)};
  }
}

std::optional<std::string> HostDirectory::read(const std::string& path, std::size_t limit) const {
  // Not blocked by a fifo, and of a device nothing is read.
  const UniqueFd file = open(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!file && (errno == EACCES || errno == EPERM)) throw_unreadable(path);
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return read_whole(file.get(), limit, path);
}

void HostDirectory::list(const path_patterns::IgnorePatterns& ignored) {
  const AsReader rights{reader_};
  list_below(root_.get(), "", ignored);
  // Only now: the vector moves what it holds as it grows.
  places_.reserve(files_.size());
  for (std::size_t at = 0; at < files_.size(); ++at) places_[files_[at].path] = at;
}

void HostDirectory::list_below(int directory, const std::string& path, const path_patterns::IgnorePatterns& ignored) {
  call_.check();
  if (path.size() > PATH_MAX) {
    throw Error{Errc::invalid, "the build context is too deep: " + layer_archive::quoted(path)};
  }
  const UniqueFd here{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!here) throw_unreadable(path);
  for (const std::string& name : layer_archive::Directory::open(here.get(), ".").sorted_names()) {
    // Each file is compared with each pattern.
    call_.check();
    File file{path.empty() ? name : path + "/" + name, {}};
    if (::fstatat(here.get(), name.c_str(), &file.status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone already: it was never seen
      throw_unreadable(file.path);
    }
    const bool is_directory = S_ISDIR(file.status.st_mode);
    const bool left_out = !ignored.empty() && ignored.matches(file.path);
    const std::string inner = file.path;
    // Sockets and devices are no files to build from.
    const bool usable =
        is_directory || S_ISREG(file.status.st_mode) || S_ISLNK(file.status.st_mode) || S_ISFIFO(file.status.st_mode);
    const std::size_t place = files_.size();
    if (!left_out && usable) files_.push_back(file);
    if (!is_directory || (left_out && !ignored.takes_back())) continue;
    const UniqueFd below{::openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!below) throw_unreadable(inner);
    list_below(below.get(), inner, ignored);
    // What is taken back comes with the directories that it is in.
    if (left_out && files_.size() > place) files_.insert(files_.begin() + static_cast<std::ptrdiff_t>(place), file);
  }
}

std::vector<std::string> HostDirectory::paths() const {
  std::vector<std::string> out;
  out.reserve(files_.size());
  for (const File& file : files_) out.push_back(file.path);
  return out;
}

HostDirectory::File* HostDirectory::find(std::string_view path) {
  const auto found = places_.find(path);
  return found == places_.end() ? nullptr : &files_[found->second];
}

bool HostDirectory::resolve(const std::string& path, std::string& out) {
  out = path_patterns::clean_in_root(path);
  if (out.empty()) return true;
  // What was listed was reached through directories alone.
  if (const File* file = find(out); file != nullptr && !S_ISLNK(file->status.st_mode)) return true;
  const UniqueFd found = open(path, O_PATH);
  if (!found) return false;
  const std::string name = name_of_open(found.get()) + "/";
  if (!name.starts_with(prefix_)) return false;
  out = path_patterns::clean_in_root(name.substr(prefix_.size()));
  return out.empty() || find(out) != nullptr;
}

bool HostDirectory::copy_file(File& file, int root, FirstNames& first_names, const Call& call) const {
  const UniqueFd from = open(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!from) throw_unreadable(file.path);
  struct stat before {};
  if (::fstat(from.get(), &before) != 0) throw_errno("cannot read " + layer_archive::quoted(file.path));
  if (!S_ISREG(before.st_mode)) throw_changed(file.path);
  if (before.st_nlink > 1) {
    const auto [first, is_new] = first_names.try_emplace({before.st_dev, before.st_ino}, file.path);
    if (!is_new) {
      if (::linkat(root, first->second.c_str(), root, file.path.c_str(), 0) != 0) {
        throw_errno("cannot keep " + layer_archive::quoted(file.path));
      }
      return same_content(file.status, before);
    }
  }
  const UniqueFd to{::openat(root, file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!to) throw_errno("cannot keep " + layer_archive::quoted(file.path));
  layer_archive::copy_content(from.get(), to.get(), before.st_size, call);
  std::array<char, 64> capability{};
  const ssize_t size = ::fgetxattr(from.get(), "security.capability", capability.data(), capability.size());
  if (size > 0) ::fsetxattr(to.get(), "security.capability", capability.data(), static_cast<std::size_t>(size), 0);
  const timespec times[2] = {before.st_mtim, before.st_mtim};
  if (::fchmod(to.get(), before.st_mode & 07777) != 0 || ::futimens(to.get(), times) != 0) {
    throw_errno("cannot keep " + layer_archive::quoted(file.path));
  }
  struct stat after {};
  if (::fstat(from.get(), &after) != 0) throw_errno("cannot read " + layer_archive::quoted(file.path));
  return same_content(file.status, before) && same_content(before, after);
}

bool HostDirectory::copy_to(int root, const Call& call) {
  const std::lock_guard lock{mutex_};
  bool same = true;
  FirstNames first_names;
  // The paths lead through directories that are made here: a parent comes before what is in it.
  for (File& file : files_) {
    const mode_t mode = file.status.st_mode;
    if (S_ISDIR(mode)) {
      if (::mkdirat(root, file.path.c_str(), 0700) != 0) throw_errno("cannot keep " + layer_archive::quoted(file.path));
    } else if (S_ISREG(mode)) {
      same = copy_file(file, root, first_names, call) && same;
    } else if (S_ISFIFO(mode)) {
      if (::mknodat(root, file.path.c_str(), S_IFIFO | (mode & 0777), 0) != 0)
        throw_errno("cannot keep " + layer_archive::quoted(file.path));
    } else {
      const UniqueFd link = open(file.path, O_PATH | O_NOFOLLOW);
      std::array<char, PATH_MAX> target{};
      const ssize_t size = link ? ::readlinkat(link.get(), "", target.data(), target.size() - 1) : -1;
      if (size < 0) throw_unreadable(file.path);
      if (::symlinkat(target.data(), root, file.path.c_str()) != 0)
        throw_errno("cannot keep " + layer_archive::quoted(file.path));
    }
  }
  // Only now: whatever goes into a directory changes its time.
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    const timespec times[2] = {file->status.st_mtim, file->status.st_mtim};
    if (S_ISDIR(file->status.st_mode) && ::fchmodat(root, file->path.c_str(), file->status.st_mode & 07777, 0) != 0) {
      throw_errno("cannot keep " + layer_archive::quoted(file->path));
    }
    if (!S_ISREG(file->status.st_mode)) ::utimensat(root, file->path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  return same;
}

std::string HostHash::single(HostDirectory::File& file) {
  const bool regular = S_ISREG(file.status.st_mode);
  const auto open_it = [&] {
    return directory_.open(file.path, regular ? O_RDONLY | O_NOFOLLOW | O_NONBLOCK : O_PATH | O_NOFOLLOW);
  };
  UniqueFd open;
  // That somebody else could read it is no reason to build with it.
  if (!directory_.reads_all() && !(open = open_it())) throw_unreadable(file.path);
  if (const auto known = memory_.find(file.path, file.status)) return *known;
  timespec begun{};
  ::clock_gettime(CLOCK_REALTIME, &begun);
  if (!open) open = open_it();
  if (!open || ::fstat(open.get(), &file.status) != 0) throw_unreadable(file.path);
  if (S_ISREG(file.status.st_mode) != regular) throw_changed(file.path);
  struct stat root_owned = file.status;
  // As clients send it.
  root_owned.st_uid = root_owned.st_gid = 0;
  std::string sum = sum_of_file({file.path, root_owned, open.get(), regular ? open.get() : -1}, call_);
  struct stat after {};
  if (::fstat(open.get(), &after) != 0) throw_errno("cannot read " + layer_archive::quoted(file.path));
  if (same_content(file.status, after) && regular && keeps_change_times(open.get())) {
    memory_.keep(file.path, after, begun, sum);
  }
  return sum;
}

std::string HostHash::of_link(const std::string& path) {
  std::string real;
  // Of one that leads nowhere, the name alone.
  if (!directory_.resolve(path, real) || real.empty()) return path;
  return single(*directory_.find(real));
}

std::string HostHash::of(const std::string& path, const IgnorePatterns& exclude) {
  const std::lock_guard lock{directory_.mutex()};
  std::string real;
  if (!directory_.resolve(path, real)) throw_not_in_context(path);
  HostDirectory::File* const top = real.empty() ? nullptr : directory_.find(real);
  if (top != nullptr && !S_ISDIR(top->status.st_mode)) return "file:" + single(*top);
  std::vector<std::string> hashes;
  auto& files = directory_.files();
  const std::size_t skipped = real.empty() ? 0 : real.size() + 1;
  std::size_t at = top == nullptr ? 0 : static_cast<std::size_t>(top - files.data());
  hashes.reserve(files.size() - at);
  if (top != nullptr) hashes.push_back(single(files[at++]));
  for (; at < files.size(); ++at) {
    HostDirectory::File& file = files[at];
    if (top != nullptr &&
        (file.path.size() <= skipped || !file.path.starts_with(real) || file.path[real.size()] != '/'))
      break;
    if (!exclude.empty() && exclude.matches(std::string_view{file.path}.substr(skipped))) continue;
    hashes.push_back(S_ISLNK(file.status.st_mode) ? of_link(file.path) : single(file));
  }
  return hash_of_directory(std::move(hashes));
}

}  // namespace gantry::dockerfile
