#pragma once

#include <mutex>
#include <set>
#include <string>

#include "gantry/network.hpp"

namespace gantry::no_network {

/// Containers have their loopback and nothing else, so there is nothing to make: the driver only remembers, until its
/// end, which networks it was asked for.
class Driver : public network::v1::Driver {
 public:
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void create_network(const network::v1::NetworkSpec& spec, network::v1::Network& out, const Call& call) override;
  void remove_network(const std::string& network_id, const Call& call) override;
  void attach(const network::v1::EndpointSpec& spec, int netns, network::v1::Endpoint& out, const Call& call) override;
  void detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) override;
  void list(network::v1::Holdings& out, const Call& call) override;

 private:
  std::mutex mutex_;
  std::set<std::string> networks_;
};

}  // namespace gantry::no_network
