#pragma once

#include <string>
#include <vector>

#include "net_link/address.hpp"
#include "net_link_names.hpp"
#include "record.hpp"

namespace gantry::bridge {

/// Who may send what by one port of a bridge.
struct Sender {
  std::string interface;  ///< The host's end.
  std::string mac;
  std::vector<Address> addresses;
};

/// An endpoint's: its addresses, those of the user's choice, and the one that the kernel makes of its MAC.
/// Errors: invalid.
Sender sender_of(const EndpointRecord& record);

/// The text of the transactions on the table of the family bridge: what a container sends is looked at before the
/// bridge learns from it. Like the other table's, rules are fixed and endpoints are elements.
std::string sender_base_rules();
std::string remove_sender_base_rules();
std::string add_sender_rules(const Sender& sender);
std::string remove_sender_rules(const Sender& sender);

}  // namespace gantry::bridge
