#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gantry/ipam.hpp"
#include "keeper.hpp"
#include "record.hpp"

namespace gantry::dhcp {

/// Addresses of a DHCP server of the network that the containers' interfaces stand in.
class Driver : public ipam::v1::Driver {
 public:
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void acquire_pools(const ipam::v1::NetworkRequest& request, std::vector<network::v1::Pool>& out,
                     const Call& call) override;
  void release_pools(const std::string& network_id, const Call& call) override;
  void acquire_addresses(const ipam::v1::EndpointRequest& request, ipam::v1::Addresses& out, const Call& call) override;
  void release_addresses(const std::string& network_id, const std::string& endpoint_id, const Call& call) override;
  void list(ipam::v1::Holdings& out, const Call& call) override;

 private:
  std::optional<Records> records_;
  std::optional<Keeper> keeper_;
};

}  // namespace gantry::dhcp
