#pragma once

#include <cstdint>
#include <string>

#include "base/time.hpp"

/// What `cp` says and asks about a path in a container (API: ContainerArchiveInfo).
namespace gantry::containers {

/// The header X-Docker-Container-Path-Stat.
struct PathStat {
  std::string name;  ///< The path's last part, as the client wrote it.
  std::int64_t size{};
  std::uint32_t mode{};  ///< In the bits of Go's fs.FileMode.
  Nanoseconds modified{};
  std::string link_target;  ///< Of a link: where it leads, absolute, as far as it leads somewhere.
};

/// A client's path as an absolute one, without "..", with its "/" or "/." at the end kept: they follow a last link and
/// ask for a directory.
std::string archive_path(const std::string& path);

/// The last part, as Go's filepath.Base has it: "/" of the root, "." of "/dir/.".
std::string base_name(const std::string& path);

/// Blocks. Errors: not_found; io, in dockerd's words.
PathStat stat_in_root(int root, const std::string& path);

/// Throws for `errno` of an open of `path`: ENOENT is not_found, with dockerd's message for the API's caller.
[[noreturn]] void throw_path_errno(const std::string& path);

}  // namespace gantry::containers
