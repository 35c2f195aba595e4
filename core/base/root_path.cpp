#include "base/root_path.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <deque>

#include "base/file.hpp"

namespace gantry {
namespace {

constexpr int kMostLinks = 255;

std::deque<std::string> parts_of(const std::string& path) {
  std::deque<std::string> parts;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at && path.compare(at, end - at, ".") != 0) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

UniqueFd open_resolving(int root, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = resolve;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    // EAGAIN: a rename elsewhere on the system raced with the resolution.
    if (fd >= 0 || errno != EAGAIN) return UniqueFd{static_cast<int>(fd)};
  }
}

// What the link says; empty for what is none.
std::string link_text(int root, const std::string& path) {
  const UniqueFd link = open_in_root(root, path, O_PATH | O_NOFOLLOW);
  if (!link) return {};
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlinkat(link.get(), "", text.data(), text.size());
  return size <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

UniqueFd open_in_root(int root, const std::string& path, int flags) {
  return open_resolving(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

UniqueFd open_beneath(int root, const std::string& path, int flags) {
  return open_resolving(root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

UniqueFd make_in_root(int root, const std::string& path, bool directory) {
  std::string wanted = "/";
  UniqueFd here = open_in_root(root, wanted, O_PATH | O_DIRECTORY);
  auto parts = parts_of(path);
  while (here && !parts.empty()) {
    const bool last = parts.size() == 1;
    wanted += (wanted.size() == 1 ? "" : "/") + parts.front();
    UniqueFd next = open_in_root(root, wanted, O_PATH);
    if (!next && errno == ENOENT) {
      const char* const name = parts.front().c_str();
      const int made =
          !last || directory ? ::mkdirat(here.get(), name, 0755) : ::mknodat(here.get(), name, S_IFREG | 0644, 0);
      if (made != 0 && errno != EEXIST) throw_errno("cannot make " + wanted + " in the container");
      next = open_in_root(root, wanted, O_PATH);
    }
    here = std::move(next);
    parts.pop_front();
  }
  if (here) return here;
  if (errno == ENOTDIR || errno == ENOENT || errno == ELOOP) {
    throw Error{Errc::invalid, "there is no way to " + path + " in the container: " + wanted + " is in it"};
  }
  throw_errno("cannot open " + path + " in the container");
}

std::string resolve_in_root(int root, const std::string& path) {
  auto parts = parts_of(path);
  std::string resolved = "/";
  int links = 0;
  while (!parts.empty()) {
    const std::string part = std::move(parts.front());
    parts.pop_front();
    if (part == "..") {
      resolved = parent_of(resolved);
      continue;
    }
    std::string next = resolved + (resolved.size() == 1 ? "" : "/") + part;
    const std::string target = links < kMostLinks ? link_text(root, next) : std::string();
    if (target.empty()) {
      resolved = std::move(next);
      continue;
    }
    ++links;
    if (target.front() == '/') resolved = "/";
    const auto more = parts_of(target);
    parts.insert(parts.begin(), more.begin(), more.end());
  }
  return resolved;
}

}  // namespace gantry
