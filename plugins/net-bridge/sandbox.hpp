#pragma once

#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/sandbox_link.hpp"
#include "net_link_names.hpp"
#include "network.hpp"
#include "nftables.hpp"
#include "record.hpp"

namespace gantry::bridge {

SandboxLink sandbox_link(const Network& network, const EndpointRecord& record, bool default_gateway);

/// The rules of a record's ports. A port on an IPv6 address of the host leads nowhere without an IPv6 address inside.
std::vector<PortRule> port_rules(const EndpointRecord& record);

/// Whether the ports that an endpoint has are what is asked for.
bool satisfies(const std::vector<network::v1::Port>& have, const std::vector<network::v1::Port>& wanted);

bool same_ports(const std::vector<network::v1::Port>& some, const std::vector<network::v1::Port>& others);

/// What a record means for the daemon.
void fill_endpoint(const Network& network, const EndpointRecord& record, network::v1::Endpoint& out);

}  // namespace gantry::bridge
