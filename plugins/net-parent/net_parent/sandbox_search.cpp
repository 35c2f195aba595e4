#include "net_parent/sandbox_search.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "gantry/error.hpp"

namespace gantry::net_parent {

std::uint64_t sandbox_inode(int netns) {
  struct stat status {};
  struct statfs filesystem {};
  if (::fstat(netns, &status) != 0 || ::fstatfs(netns, &filesystem) != 0) {
    throw Error{Errc::io, std::string("network namespace: ") + std::strerror(errno)};
  }
  if (filesystem.f_type != NSFS_MAGIC) throw Error{Errc::io, "network namespace: the descriptor is none of one"};
  return status.st_ino;
}

UniqueFd find_sandbox(std::uint64_t inode) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    UniqueFd netns(::open((entry.path() / "ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (netns && ::fstat(netns.get(), &status) == 0 && status.st_ino == inode) return netns;
  }
  return UniqueFd{};
}

}  // namespace gantry::net_parent
