#pragma once

#include <optional>
#include <string>
#include <vector>

#include "address_pool.hpp"
#include "gantry/network.hpp"

namespace gantry::bridge {

/// The driver's own settings (daemon.json).
struct Settings {
  std::optional<Cidr> bip;                 ///< Address of the default bridge, with its subnet.
  std::optional<Subnet> fixed_cidr;        ///< Its containers' addresses are from here.
  std::optional<Address> default_gateway;  ///< Of its containers.
  std::vector<SubnetSource> sources;
  int mtu{};  ///< Of the default bridge; 0: the kernel's default.
  bool icc{true};
  bool ip_forward{true};
  std::string host_ip;  ///< That the default bridge's ports are published on; empty: all.
};

std::vector<OptionInfo> known_options();

/// Errors: invalid.
Settings parse_settings(const Options& options);

/// An interface's name goes to the kernel, into nftables' text and into paths. Errors: invalid.
void check_interface(const std::string& name);

/// What a network's options say.
struct NetworkOptions {
  std::string interface;
  std::string default_host_ip;  ///< Empty: all addresses.
  int mtu{};
  bool default_bridge{};
  bool icc{true};
  bool masquerade{true};
};

/// Errors: invalid, in dockerd's words.
NetworkOptions parse_options(const network::v1::NetworkSpec& spec, const Settings& settings);

}  // namespace gantry::bridge
