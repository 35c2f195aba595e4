#include "gantry/network.hpp"

#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"

namespace gantry::isolated {
namespace {

/// The sandbox's descriptor travels beside the message.
void attach_endpoint(network::v1::Driver& driver, const network::v1::EndpointSpec& spec, const PassedFd& netns,
                     network::v1::Endpoint& out, const Call& call) {
  driver.attach(spec, netns.fd, out, call);
}

using NetworkMethods =
    MethodList<network::v1::Driver, &network::v1::Driver::create_network, &network::v1::Driver::remove_network,
               &attach_endpoint, &network::v1::Driver::detach, &network::v1::Driver::list>;

class NetworkProxy final : public Proxy<network::v1::Driver, NetworkMethods> {
 public:
  using Proxy::Proxy;

  void create_network(const network::v1::NetworkSpec& spec, network::v1::Network& out, const Call& call) override {
    invoke<&network::v1::Driver::create_network>(spec, out, call);
  }
  void remove_network(const std::string& network_id, const Call& call) override {
    invoke<&network::v1::Driver::remove_network>(network_id, call);
  }
  void attach(const network::v1::EndpointSpec& spec, int netns, network::v1::Endpoint& out, const Call& call) override {
    invoke<&attach_endpoint>(spec, PassedFd{netns}, out, call);
  }
  void detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) override {
    invoke<&network::v1::Driver::detach>(network_id, endpoint_id, call);
  }
  void list(network::v1::Holdings& out, const Call& call) override { invoke<&network::v1::Driver::list>(out, call); }
};

}  // namespace

const Kind kNetworkKind{
    network::v1::Driver::kKind,
    [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
      return std::shared_ptr<network::v1::Driver>{std::make_shared<NetworkProxy>(std::move(remote), lesson)};
    },
    &NetworkMethods::serve,
    {}};

}  // namespace gantry::isolated
