#include "base/go_bool.hpp"
#include "base/id.hpp"
#include "networks/impl.hpp"

/// What a user asks of a new network.
namespace gantry::networks {
namespace {

constexpr const char* kEnableIpv6 = "com.docker.network.enable_ipv6";

}  // namespace

bool has_settings(const NetworkRequest& request) {
  return !request.pools.empty() || !request.options.empty() || !request.labels.empty() || request.internal ||
         request.ipv6 || (request.ipam_options && !request.ipam_options->empty());
}

void check_request(const NetworkRequest& request) {
  if (request.name.find_first_not_of(" \t\r\n") == std::string::npos || request.name.size() > 255) {
    throw Error{Errc::invalid, "invalid name: " + request.name};
  }
  if (Service::predefined(request.name)) {
    throw Error{Errc::denied, "operation is not permitted on predefined " + request.name + " network "};
  }
  if (request.driver == "overlay") {
    throw Error{
        Errc::unavailable,
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node "
        "to swarm and try again."};
  }
  if (request.driver == "host" || request.driver == kNoDriver) {
    throw Error{Errc::denied, "only one instance of \"" + request.driver + "\" network is allowed"};
  }
  if (!request.ipv4 && !request.ipv6) throw Error{Errc::invalid, "IPv4 or IPv6 must be enabled"};
}

void take_ipv6_option(NetworkRequest& request) {
  const auto given = request.options.find(kEnableIpv6);
  if (given == request.options.end()) return;
  const std::string& value = given->second;
  const auto known = parse_go_bool(value);
  if (!known) {
    throw Error{Errc::invalid, std::string{"failed to parse "} + kEnableIpv6 + " value: " + value +
                                   " (strconv.ParseBool: parsing \"" + value + "\": invalid syntax)"};
  }
  request.ipv6 = *known;
}

Network new_network(NetworkRequest request) {
  Network network;
  network.id = random_id();
  network.name = std::move(request.name);
  network.driver = request.config_only ? kNoDriver : request.driver.empty() ? "bridge" : std::move(request.driver);
  network.options = std::move(request.options);
  network.labels = std::move(request.labels);
  network.pools = std::move(request.pools);
  network.internal = request.internal;
  network.attachable = request.attachable;
  network.ipv6 = request.ipv6;
  network.ipv4 = request.ipv4;
  if (!request.ipam_driver.empty()) network.ipam_driver = std::move(request.ipam_driver);
  network.ipam_options = std::move(request.ipam_options);
  network.config_only = request.config_only;
  network.config_from = std::move(request.config_from);
  network.created = now();
  return network;
}

}  // namespace gantry::networks
