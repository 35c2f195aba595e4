#pragma once

#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "network.hpp"
#include "nftables.hpp"
#include "record.hpp"

namespace gantry::bridge {

/// A file under /proc/sys/net and what is written to it.
struct Sysctl {
  std::string path;
  std::string value;
};

/// What the sandbox's end of an endpoint gets.
struct SandboxLink {
  std::string interface;
  std::vector<Cidr> addresses;
  std::vector<Address> default_gateways;  ///< One of each family at most.
  bool ipv6{};
  std::vector<Sysctl> sysctls;
};

/// What an endpoint's options ask to be set for its interface, as dockerd takes it
/// ("net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2"). Errors: invalid.
std::vector<Sysctl> interface_sysctls(const Options& options, const std::string& interface);

SandboxLink sandbox_link(const Network& network, const EndpointRecord& record, bool default_gateway);

/// Inside of the sandbox's network namespace: sets the loopback and the interface up. May be repeated.
void configure_sandbox(const SandboxLink& link);

/// The rules of a record's ports. A port on an IPv6 address of the host leads nowhere without an IPv6 address inside.
std::vector<PortRule> port_rules(const EndpointRecord& record);

/// Whether the ports that an endpoint has are what is asked for.
bool satisfies(const std::vector<network::v1::Port>& have, const std::vector<network::v1::Port>& wanted);

bool same_ports(const std::vector<network::v1::Port>& some, const std::vector<network::v1::Port>& others);

/// What a record means for the daemon.
void fill_endpoint(const Network& network, const EndpointRecord& record, network::v1::Endpoint& out);

}  // namespace gantry::bridge
