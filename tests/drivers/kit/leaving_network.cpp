#include <cstdlib>

#include "gantry/abi.hpp"
#include "network_dummy.hpp"

// A network is an interface of the host's; it has no IPv6.
namespace {

using namespace gantry;
using namespace gantry::network::v1;

class LeavingNetwork : public sample::NetworkDummy {
 public:
  void create_network(const NetworkSpec& spec, Network& out, const Call& call) override {
    NetworkDummy::create_network(spec, out, call);
    const std::string name = name_of(spec.id);
    run("ip link show " + name + " >/dev/null 2>&1 || ip link add " + name + " type bridge");
  }
  void remove_network(const std::string& network_id, const Call& call) override {
    NetworkDummy::remove_network(network_id, call);
    run("ip link del " + name_of(network_id) + " 2>/dev/null || true");
  }

 private:
  static std::string name_of(const std::string& id) { return "kit-" + id.substr(0, 8); }
  static void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw Error{Errc::io, command};
  }
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::network::v1::Driver, LeavingNetwork, "leaving", "1.0.0")
