#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

namespace gantry::containers {

/// The ids of a container's `User` ("", "name", "uid", "name:group", "uid:gid"), by the tree's own /etc/passwd and
/// /etc/group. Blocks. Errors: invalid, in dockerd's words.
std::pair<uid_t, gid_t> user_ids(int root, const std::string& user);

}  // namespace gantry::containers
