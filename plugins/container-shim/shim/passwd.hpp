#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Users and groups from the container's own files, read as data: no code of the image runs (getpwnam(3) would load its
/// NSS modules). The rules and messages are Docker's.
namespace gantry::container_shim {

struct Identity {
  std::uint32_t uid{};
  std::uint32_t gid{};
  std::vector<std::uint32_t> groups;
  std::string home{"/"};
};

/// Resolves "", "name", "uid", "name:group", "uid:gid" and the additional groups. Returns what was wrong; empty:
/// nothing.
std::string resolve_user(std::string_view user, const std::vector<std::string>& additional_groups,
                         std::string_view passwd, std::string_view group, Identity& out);

/// A regular file's content, up to a bound; empty if it is missing or something else. In the container, whose devices
/// its cgroup keeps from being opened.
std::string read_account_file(const char* path);

/// The same from outside of the container whose root `root` is: nothing but a regular file is opened at all.
std::string read_account_file_in(int root, const char* path);

}  // namespace gantry::container_shim
