#pragma once

#include <optional>
#include <string>

#include "net_link/link.hpp"

/// Interfaces that somebody else has made, for a sandbox.
namespace gantry::net_link {

/// Takes an interface of the namespace that the socket is of to another one, under a new name. Errors: not_found, io.
void move_link(Netlink& netlink, const std::string& name, int netns, const std::string& new_name);

/// It must be down for most kinds. Errors: not_found, invalid, io.
void set_mac(Netlink& netlink, const std::string& name, const std::string& mac);

/// Without a gateway everybody there is on the link itself. Succeeds if there is such a route. Errors: not_found, io.
void add_route(Netlink& netlink, const std::string& name, const Subnet& to, const std::optional<Address>& gateway);

/// The prefix with the lowest number that no interface of the namespace has.
std::string free_name(Netlink& netlink, const std::string& prefix);

}  // namespace gantry::net_link
