#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// The user namespace of a running container, as the host sees it.
struct UserNamespace {
  UniqueFd fd;
  bool remapped{};           ///< It is not the daemon's own; else the members below say nothing.
  std::uint32_t root_uid{};  ///< Outside.
  std::uint32_t root_gid{};
  std::string uid_map;  ///< As /proc/<pid>/uid_map has it.
  std::string gid_map;
};

/// `pid` is held by a pidfd of the caller's. Errors: conflict (it has ended).
UserNamespace user_namespace_of(pid_t pid);

/// What `id` of the container is outside. Errors: invalid (it has no such id).
std::uint32_t outside_id(const std::string& map, std::uint32_t id);

/// A tmpfs's options with its owner, who is the container's root unless they name another, as the host's ids.
std::string with_outside_owner(const std::string& options, const UserNamespace& user);

}  // namespace gantry::container_shim
