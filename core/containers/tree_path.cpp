#include "containers/tree_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/root_path.hpp"
#include "containers/mount_points.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

std::uint32_t go_mode(mode_t mode) {
  constexpr auto bit = [](int number) { return std::uint32_t{1} << number; };
  std::uint32_t out = mode & 0777;
  if (S_ISDIR(mode)) out |= bit(31);
  if (S_ISLNK(mode)) out |= bit(27);
  if (S_ISBLK(mode) || S_ISCHR(mode)) out |= bit(26);
  if (S_ISFIFO(mode)) out |= bit(25);
  if (S_ISSOCK(mode)) out |= bit(24);
  if ((mode & S_ISUID) != 0) out |= bit(23);
  if ((mode & S_ISGID) != 0) out |= bit(22);
  if (S_ISCHR(mode)) out |= bit(21);
  if ((mode & S_ISVTX) != 0) out |= bit(20);
  return out;
}

}  // namespace

std::string archive_path(const std::string& path) {
  if (path.find('\0') != std::string::npos) throw Error{Errc::invalid, "invalid path: it has a NUL byte"};
  std::string clean = clean_path("/" + path);
  if (path == "." || path.ends_with("/.")) return clean + (clean.ends_with('/') ? "." : "/.");
  if (path.ends_with('/') && !clean.ends_with('/')) clean += '/';
  return clean;
}

std::string base_name(const std::string& path) {
  const std::size_t last = path.find_last_not_of('/');
  if (last == std::string::npos) return "/";
  const std::size_t slash = path.rfind('/', last);
  return path.substr(slash + 1, last - slash);
}

void throw_path_errno(const std::string& path) {
  if (errno == ENOENT) throw Error{Errc::not_found, path};
  std::string why = std::strerror(errno);
  if (why.front() >= 'A' && why.front() <= 'Z') why.front() = static_cast<char>(why.front() - 'A' + 'a');
  throw Error{Errc::io, "lstat " + path + ": " + why};
}

PathStat stat_in_root(int root, const std::string& path) {
  const UniqueFd file = open_in_root(root, path, O_PATH | O_NOFOLLOW);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw_path_errno(path);
  PathStat out;
  out.name = base_name(path);
  out.size = status.st_size;
  out.mode = go_mode(status.st_mode);
  out.modified = static_cast<Nanoseconds>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  if (S_ISLNK(status.st_mode)) out.link_target = resolve_in_root(root, path);
  return out;
}

}  // namespace gantry::containers
