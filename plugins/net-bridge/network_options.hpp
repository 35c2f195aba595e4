#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/address_pool.hpp"
#include "net_link_names.hpp"

namespace gantry::bridge {

/// The driver's own settings (daemon.json).
struct Settings {
  std::optional<Cidr> bip;                  ///< Address of the default bridge, with its subnet.
  std::optional<Cidr> bip6;                 ///< The same for IPv6.
  std::optional<Subnet> fixed_cidr;         ///< Its containers' addresses are from here.
  std::optional<Subnet> fixed_cidr6;        ///< The same for IPv6.
  std::optional<Address> default_gateway;   ///< Of its containers.
  std::optional<Address> default_gateway6;  ///< The same for IPv6.
  std::vector<SubnetSource> sources;
  int mtu{};  ///< Of the default bridge; 0: the kernel's default.
  bool icc{true};
  bool masquerade{true};  ///< Of the default bridge.
  bool ip_forward{true};
  bool forward_all{};   ///< What neither comes from a container nor goes to one, too, if we switched forwarding on.
  bool rules{true};     ///< Whether there are rules at all: else ports and masquerading are the host's own business.
  bool rules6{true};    ///< The same for IPv6 alone.
  bool direct{};        ///< Published ports are open at containers' own addresses, too, wherever a packet comes from.
  std::string host_ip;  ///< That the default bridge's ports are published on; empty: all.
};

std::vector<OptionInfo> known_options();

/// Errors: invalid.
Settings parse_settings(const Options& options);

/// How a network's containers and other hosts reach each other, for one address family.
enum class GatewayMode {
  nat,          ///< Ports are published on the host's addresses, and only they lead inside.
  unprotected,  ///< The same, but whoever has a route reaches all ports of containers.
  routed,       ///< No translation at all: published ports are open at the containers' own addresses.
  isolated,     ///< Of internal networks: the bridge has no address, so not even the host is reached.
};

/// What a network's options say.
struct NetworkOptions {
  std::string interface;
  std::string default_host_ip;  ///< Empty: all addresses.
  int mtu{};
  bool default_bridge{};
  bool icc{true};
  bool masquerade{true};
  bool inhibit_ipv4{};  ///< The bridge gets no IPv4 address: the gateway is somebody else.
  GatewayMode mode4{GatewayMode::nat};
  GatewayMode mode6{GatewayMode::nat};
  bool guarded{};                    ///< Published ports obey the host's own firewall.
  bool anti_spoofing{};              ///< Containers send from their own MAC and addresses only.
  std::vector<std::string> trusted;  ///< The host's interfaces from where published ports may be reached unpublished.

  [[nodiscard]] GatewayMode mode(int family) const;
};

/// Errors: invalid, in dockerd's words.
NetworkOptions parse_options(const network::v1::NetworkSpec& spec, const Settings& settings);

}  // namespace gantry::bridge
