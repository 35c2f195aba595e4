#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "record.hpp"

/// What is said to plugins and what they answer (libnetwork, docs/remote.md). All that they say is checked here.
namespace gantry::net_plugin {

nlohmann::json create_network_message(const network::v1::NetworkSpec& spec, const NetworkRecord& record);
nlohmann::json create_endpoint_message(const network::v1::EndpointSpec& spec, const EndpointRecord& record);
/// Ports and whatever else the user has asked for.
nlohmann::json endpoint_options(const network::v1::EndpointSpec& spec);
nlohmann::json endpoint_ids(const EndpointRecord& record);

/// Takes over the addresses that the plugin has chosen. Errors: invalid, denied (there was one already), in dockerd's
/// words.
void take_endpoint(const nlohmann::json& answer, EndpointRecord& record);

/// What CreateEndpoint's and Join's answers say of the interface.
struct JoinAnswer {
  std::string source;
  std::string prefix;  ///< Of the name inside.
};

/// Takes over gateways and routes as well. Errors: invalid.
JoinAnswer take_join(const nlohmann::json& answer, EndpointRecord& record);

/// The MAC address that EndpointOperInfo's answer may have; empty: none.
std::string mac_of(const nlohmann::json& answer);

/// Errors: invalid, in dockerd's words.
void check_capabilities(const nlohmann::json& answer);

}  // namespace gantry::net_plugin
