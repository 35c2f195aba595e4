#pragma once

#include <optional>

#include "client/client.hpp"

namespace gantry::cli {

/// What a daemon on this host needs to be told of a file that this process has open, so as to read it itself; none if
/// the file has to be sent: it is no plain file, does not begin where it is read from, or the daemon is elsewhere.
std::optional<Json> describe_for_lending(const Client& client, int fd);

}  // namespace gantry::cli
