#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "network_dummy.hpp"

namespace {

using namespace gantry;
using namespace gantry::network::v1;

class Failing : public sample::NetworkDummy {
 public:
  void options(std::vector<OptionInfo>& out) const override {
    NetworkDummy::options(out);
    fake::Failpoints::describe(out);
  }

  void open(Host& host) override {
    points_.open(host);
    points_.during("open", nullptr, [&] { NetworkDummy::open(host); });
  }

  void create_network(const NetworkSpec& spec, Network& out, const Call& call) override {
    points_.during("create_network", &call, [&] { return NetworkDummy::create_network(spec, out, call); });
  }

  void remove_network(const std::string& network_id, const Call& call) override {
    points_.during("remove_network", &call, [&] { return NetworkDummy::remove_network(network_id, call); });
  }

  void attach(const EndpointSpec& spec, int netns, Endpoint& out, const Call& call) override {
    points_.during("attach", &call, [&] { return NetworkDummy::attach(spec, netns, out, call); });
  }

  void detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) override {
    points_.during("detach", &call, [&] { return NetworkDummy::detach(network_id, endpoint_id, call); });
  }

  void list(Holdings& out, const Call& call) override {
    points_.during("list", &call, [&] { return NetworkDummy::list(out, call); });
  }

 private:
  fake::Failpoints points_;
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::network::v1::Driver, Failing, "fake", "1.0.0")
