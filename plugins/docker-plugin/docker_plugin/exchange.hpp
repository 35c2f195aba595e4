#pragma once

#include <string>

#include "docker_plugin/address.hpp"
#include "gantry/call.hpp"

namespace gantry::docker_plugin {

struct Answer {
  int status{};
  std::string body;
};

/// One POST over a connection of its own. The plugin is hostile: its answer is bounded, and one that never comes ends
/// with the call. Errors: unavailable (nobody listens, the connection breaks), cancelled, invalid (no HTTP).
Answer post(const Address& address, const std::string& path, const std::string& body, const Call& call);

}  // namespace gantry::docker_plugin
