#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gantry::wire {

/// Who joins a network or leaves it (API: NetworkConnect, NetworkDisconnect).
struct NetworkPeer {
  std::string container;
  bool force = false;
};

void from_json(const nlohmann::json& value, NetworkPeer& peer);

}  // namespace gantry::wire
