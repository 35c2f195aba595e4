#include <arpa/inet.h>

#include <algorithm>
#include <string>
#include <vector>

#include "networks/address_block.hpp"
#include "networks/impl.hpp"

/// Subnets, ranges and addresses as a user gives them for a network, all of them at once, in dockerd's words: before
/// any driver is asked.
namespace gantry::networks {
namespace {

std::string as_it_should_be(const GivenBlock& block) {
  return "it should be " + text_of(masked(block.address, block.prefix), block.prefix);
}

std::string is_block(const GivenBlock& subnet) {
  return std::string{"parent subnet is an IPv"} + (subnet.address.family == AF_INET ? "4" : "6") + " block";
}

void check_range(const std::string& text, const GivenBlock& subnet, std::vector<std::string>& out) {
  if (text.empty()) return;
  const auto complain = [&](const std::string& why) { out.push_back("invalid ip-range " + text + ": " + why); };
  const auto range = parse_block(text);
  if (!range) return complain("invalid CIDR block notation");
  if (range->address.family != subnet.address.family) return complain(is_block(subnet));
  const std::string parent = text_of(subnet.address, subnet.prefix);
  if (range->prefix < subnet.prefix) complain("CIDR block is bigger than its parent subnet " + parent);
  if (!is_masked(*range)) complain(as_it_should_be(*range));
  const GivenBlock wider{subnet.address, std::min(subnet.prefix, range->prefix)};
  if (!contains_address(wider, range->address)) complain("parent subnet " + parent + " doesn't contain ip-range");
}

void check_address(const std::string& what, const std::string& text, const GivenBlock& subnet,
                   std::vector<std::string>& out) {
  if (text.empty()) return;
  const auto address = parse_given(text);
  std::string why;
  if (!address) {
    why = "invalid address";
  } else if (address->family != subnet.address.family) {
    why = is_block(subnet);
  } else if (!contains_address(subnet, *address)) {
    why = "parent subnet " + text_of(subnet.address, subnet.prefix) + " doesn't contain this address";
  }
  if (!why.empty()) out.push_back("invalid " + what + ": " + why);
}

void check_reserved(const std::string& name, const std::vector<network::v1::Pool>& pools) {
  for (const auto& pool : pools) {
    for (const auto& [label, address] : pool.reserved) {
      if (!address.empty()) continue;
      throw Error{Errc::invalid, "non parsable secondary ip address (" + label + ":) passed for network " + name};
    }
  }
}

}  // namespace

void check_pools(const std::string& name, const std::vector<network::v1::Pool>& pools, bool ipv6) {
  std::vector<std::string> complaints;
  for (const auto& pool : pools) {
    const auto subnet = parse_block(pool.subnet);
    if (!subnet) {
      complaints.push_back("invalid subnet " + pool.subnet + ": invalid CIDR block notation");
      continue;
    }
    if (subnet->address.family == AF_INET6 && !ipv6) continue;
    if (!is_masked(*subnet)) {
      complaints.push_back("invalid subnet " + text_of(subnet->address, subnet->prefix) + ": " +
                           as_it_should_be(*subnet));
    }
    check_range(pool.ip_range, *subnet, complaints);
    check_address("gateway " + pool.gateway, pool.gateway, *subnet, complaints);
    for (const auto& [label, address] : pool.reserved) {
      check_address("auxiliary address " + label, address, *subnet, complaints);
    }
  }
  if (complaints.empty()) return check_reserved(name, pools);
  std::string message = "invalid network config:";
  for (const std::string& complaint : complaints) message += (complaints.size() > 1 ? "\n* " : "\n") + complaint;
  throw Error{Errc::invalid, message};
}

}  // namespace gantry::networks
