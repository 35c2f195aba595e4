#pragma once

#include <string>

#include "gantry/network.hpp"
#include "net_link/namespace_thread.hpp"
#include "record.hpp"

/// The interface that a plugin has made, inside of a container.
namespace gantry::net_plugin {

/// Takes it there, unless it is there already, and fills in its name. Errors: not_found, io.
void bring_in(const network::v1::EndpointSpec& spec, const std::string& prefix, int netns,
              net_link::NamespaceThread& namespaces, EndpointRecord& record);

/// Addresses, routes and what else the user and the plugin want. May be repeated. Answers the MAC address.
std::string configure(const network::v1::EndpointSpec& spec, int netns, bool ipv6,
                      net_link::NamespaceThread& namespaces, const EndpointRecord& record);

/// Gives it back to the host's namespace under the name that the plugin gave it. Succeeds if it is not there.
void take_back(int netns, net_link::NamespaceThread& namespaces, const EndpointRecord& record);

}  // namespace gantry::net_plugin
