#pragma once

#include <initializer_list>
#include <string>

#include "container_shim/protocol.hpp"
#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// Connects to the shim of the container whose directory this is; none if it does not listen (it has ended).
UniqueFd connect_shim(const std::string& directory);

/// Waits for one answer. Errors: what the shim says; unavailable if it is gone; cancelled.
Reply receive_reply(int connection, const Call& call);

/// Asks and waits for the answer, as `receive_reply`.
Reply ask_shim(int connection, const Request& request, std::initializer_list<int> descriptors, const Call& call);

}  // namespace gantry::container_shim
