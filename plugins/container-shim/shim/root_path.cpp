#include "shim/root_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

constexpr int kMaxLinks = 40;

struct Split {
  std::string parent;
  std::string name;
};

Split split(const std::string& path) {
  std::size_t end = path.size();
  while (end > 0 && path[end - 1] == '/') --end;
  const std::size_t slash = path.rfind('/', end == 0 ? 0 : end - 1);
  if (slash == std::string::npos) return {"/", path.substr(0, end)};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1, end - slash - 1)};
}

UniqueFd open_or_make(int root, const std::string& path, bool directory, int links);

UniqueFd follow_dangling(int root, const Split& at, int parent, bool directory, int links) {
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(parent, at.name.c_str(), target, sizeof target - 1);
  if (size < 0 || links >= kMaxLinks) {
    errno = size < 0 ? EEXIST : ELOOP;
    return {};
  }
  const std::string link(target, static_cast<std::size_t>(size));
  return open_or_make(root, link.starts_with('/') ? link : at.parent + "/" + link, directory, links + 1);
}

UniqueFd open_or_make(int root, const std::string& path, bool directory, int links) {
  UniqueFd found(openat2_in_root(root, path.c_str(), O_PATH));
  if (found || errno != ENOENT) return found;
  const Split at = split(path);
  if (at.name.empty() || at.name == "." || at.name == ".." || path.size() >= PATH_MAX) {
    errno = ENOENT;
    return {};
  }
  const UniqueFd parent = open_or_make(root, at.parent, true, links);
  if (!parent) return {};
  if (directory) {
    if (::mkdirat(parent.get(), at.name.c_str(), 0755) < 0) {
      if (errno == EEXIST) return follow_dangling(root, at, parent.get(), directory, links);
      return {};
    }
  } else {
    const UniqueFd made(
        ::openat(parent.get(), at.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!made) {
      if (errno == EEXIST) return follow_dangling(root, at, parent.get(), directory, links);
      return {};
    }
  }
  return UniqueFd(::openat(parent.get(), at.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

UniqueFd open_target(int root, const std::string& path, bool directory) {
  return open_or_make(root, path, directory, 0);
}

}  // namespace gantry::container_shim
