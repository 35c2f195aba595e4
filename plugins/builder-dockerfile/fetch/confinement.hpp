#pragma once

#include <cstdint>
#include <string>

namespace gantry::fetch {

/// The descriptor that the caller opened for what is fetched.
constexpr int kTarget = 3;
/// The socket of an SSH agent (O_PATH), if there is one.
constexpr int kAgent = 4;
/// Whose the process is.
constexpr unsigned kNobody = 65534;

/// What servers send is parsed by nobody's user, who sees no daemon's files, cannot gain rights, and writes no file
/// larger than `limit`. If the target is a directory, it becomes this user's, and is answered under its new path.
/// Errors: io.
std::string confine(std::uint64_t limit);

}  // namespace gantry::fetch
