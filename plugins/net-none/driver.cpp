#include "driver.hpp"

namespace gantry::no_network {

void Driver::capabilities(Capabilities& out) const { out.emplace_back("no-interface"); }

void Driver::options(std::vector<OptionInfo>& /*out*/) const {}

void Driver::open(Host& /*host*/) {}

void Driver::create_network(const network::v1::NetworkSpec& spec, network::v1::Network& out, const Call& /*call*/) {
  if (!spec.pools.empty()) {
    throw Error{Errc::invalid, "network " + spec.name + " has a subnet, but its containers have no interface"};
  }
  const std::lock_guard lock(mutex_);
  networks_.insert(spec.id);
  out = {};
}

void Driver::remove_network(const std::string& network_id, const Call& /*call*/) {
  const std::lock_guard lock(mutex_);
  networks_.erase(network_id);
}

void Driver::attach(const network::v1::EndpointSpec& spec, int /*netns*/, network::v1::Endpoint& /*out*/,
                    const Call& /*call*/) {
  throw Error{Errc::unsupported, "container " + spec.container_id + " can't be joined to a network without interfaces"};
}

void Driver::detach(const std::string& /*network_id*/, const std::string& /*endpoint_id*/, const Call& /*call*/) {}

void Driver::list(network::v1::Holdings& out, const Call& /*call*/) {
  const std::lock_guard lock(mutex_);
  for (const std::string& id : networks_) out.networks.push_back({id, {}});
}

}  // namespace gantry::no_network
