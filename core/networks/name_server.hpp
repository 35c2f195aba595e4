#pragma once

#include <string>
#include <vector>

#include "base/async.hpp"
#include "networks/dns_message.hpp"

namespace gantry::networks {

/// Asks one server after the other until one answers; nothing if none does. `tcp`: for clients that came by TCP, whose
/// answers may be long.
awaitable<dns::Bytes> ask_servers(std::vector<std::string> servers, dns::Bytes query, bool tcp);

}  // namespace gantry::networks
