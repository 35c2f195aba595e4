#pragma once

#include <string>

#include "net_link/link.hpp"

namespace gantry::net_parent {

/// The parent of a network that names none: an interface of its own that leads nowhere.
std::string placeholder_name(const std::string& network_id);

/// Makes the interface that a network is to stand on, and sets it up: a VLAN of an interface that there is ("eth0.50"),
/// or one that leads nowhere. It must not be there. Errors, in dockerd's words: invalid (a name that is none of these),
/// unsupported (the kernel can't), io.
void make_parent(net_link::Netlink& netlink, const std::string& name, const std::string& network_id);

}  // namespace gantry::net_parent
