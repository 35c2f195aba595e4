#pragma once

#include <cstdint>

#include "gantry/unique_fd.hpp"

namespace gantry::net_parent {

/// The inode that names a network namespace. Errors: io.
std::uint64_t sandbox_inode(int netns);

/// The network namespace with that inode, if a process lives in it.
UniqueFd find_sandbox(std::uint64_t inode);

}  // namespace gantry::net_parent
