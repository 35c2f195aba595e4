#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net_link/link.hpp"

namespace gantry::net_link {

/// A number of an interface's kind's own (IFLA_INFO_DATA).
struct LinkAttribute {
  int type{};
  int bytes{};  ///< 2 or 4.
  std::uint32_t value{};
};

/// An interface that stands on another one of this namespace (macvlan, ipvlan, vlan), or on nothing (dummy, ifb).
struct StackedLink {
  std::string name;
  std::string kind;
  int parent_index{};  ///< 0: none.
  int netns{-1};       ///< Where it appears; -1: here.
  std::string mac;     ///< Empty: the kernel's choice.
  bool up{};
  std::vector<LinkAttribute> attributes;
};

/// Errors, whose message is the kernel's reason as Go writes it: unsupported (the kernel has no such kind), conflict
/// (the name is taken), io.
void add_stacked_link(Netlink& netlink, const StackedLink& link);

}  // namespace gantry::net_link
