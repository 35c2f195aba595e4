#pragma once

#include <string>
#include <vector>

#include "gantry/driver.hpp"
#include "net_link/address.hpp"

namespace gantry::net_link {

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
  std::vector<int> default_families;      ///< Those whose default route leads to the interface itself: no gateway.
  bool ipv6{};
  std::vector<Sysctl> sysctls;
};

/// What an endpoint's options ask to be set for its interface, as dockerd takes it
/// ("net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2"). Errors: invalid.
std::vector<Sysctl> interface_sysctls(const Options& options, const std::string& interface);

/// Adds addresses of the user's choice, with their usual prefix lengths. Errors: invalid.
void add_link_local(const std::vector<std::string>& addresses, SandboxLink& link);

/// The same for the same link in the same network namespace, and with some certainty for no other: tells whether
/// `configure_sandbox` has been done already. Errors: io.
std::string fingerprint(const SandboxLink& link, int netns);

/// Inside of the sandbox's network namespace: sets the loopback and the interface up. May be repeated.
void configure_sandbox(const SandboxLink& link);

}  // namespace gantry::net_link
