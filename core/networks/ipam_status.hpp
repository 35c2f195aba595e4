#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "networks/service.hpp"

namespace gantry::networks {

/// How full a subnet is (API: SubnetStatus). Numbers too large for 64 bits are the largest of these.
struct SubnetStatus {
  std::string subnet;
  std::uint64_t
      in_use{};  ///< Addresses that nobody gets any more: also the network's own, its gateway and reserved ones.
  std::uint64_t available{};  ///< What may be given unasked still, from the range where there is one.
};

/// Of each subnet of a network, from what is on record.
std::vector<SubnetStatus> ipam_status(const Network& network, const std::vector<Endpoint>& members);

}  // namespace gantry::networks
