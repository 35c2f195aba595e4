#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

#include "networks/impl.hpp"

/// Addresses that an IPAM driver gives.
namespace gantry::networks {
namespace {

constexpr const char* kOwn = "default";  // the network driver's own
constexpr const char* kNone = "null";
constexpr std::chrono::seconds kLimit{90};

/// The same for a container each time that it comes to a network, so that whoever keeps addresses by it finds them.
std::string stable_mac(const std::string& container_id, const std::string& network_id) {
  const auto byte = [&](std::size_t at) {
    const auto digits = [at](const std::string& id) {
      return id.size() < at + 2 ? 0 : std::stoi(id.substr(at, 2), nullptr, 16);
    };
    return static_cast<unsigned>(digits(container_id) ^ digits(network_id));
  };
  char text[18];
  std::snprintf(text, sizeof text, "02:%02x:%02x:%02x:%02x:%02x", byte(0), byte(2), byte(4), byte(6), byte(8));
  return text;
}

void check_options(const plugins::IpamDriver& driver, const std::optional<Options>& options) {
  if (options && !driver.can("any-options")) plugins::Drivers::check_object_options(driver.info(), *options);
}

}  // namespace

plugins::CallSettings call_settings(const plugins::DriverInfo& driver) {
  plugins::CallSettings settings;
  const auto& can = driver.capabilities;
  const bool is_plugin = std::count(can.begin(), can.end(), "named-plugins") != 0;
  if (is_plugin || driver.kind == ipam::v1::Driver::kKind) settings.time_limit = kLimit;
  return settings;
}

bool Service::Impl::is_leased(const Network& network) {
  return !network.ipam_driver.empty() && network.ipam_driver != kOwn && network.ipam_driver != kNone;
}

/// dockerd's IPAM driver "null" has no subnets to give. Of networks without addresses a driver has to know.
void Service::Impl::check_ipam(const Network& network, const plugins::NetworkDriver& driver) const {
  if (is_leased(network)) check_options(drivers.ipam(network.ipam_driver), network.ipam_options);
  if (network.ipam_driver != kNone) return;
  if (!network.pools.empty()) {
    throw Error{Errc::invalid, "null ipam driver does not handle specific address pool requests"};
  }
  if (!driver.can("no-addresses")) throw Error{Errc::invalid, "ipv4 pool is empty"};
}

std::vector<std::string> Service::Impl::other_subnets(const Network& network) const {
  std::vector<std::string> out;
  for (const auto& [id, other] : networks.all()) {
    if (id == network.id) continue;
    for (const auto& pool : other->chosen) out.push_back(pool.subnet);
  }
  return out;
}

awaitable<std::vector<network::v1::Pool>> Service::Impl::acquire_pools(Network network, plugins::IpamDriver driver) {
  ipam::v1::NetworkRequest request;
  request.id = network.id;
  request.name = network.name;
  request.options = network.ipam_options.value_or(Options{});
  request.network_options = network.options;
  request.pools = network.chosen.empty() ? network.pools : network.chosen;
  request.ipv4 = network.ipv4;
  request.ipv6 = network.ipv6;
  request.taken = other_subnets(network);
  const plugins::CallSettings settings = call_settings(driver.info());
  const auto work = [request](auto& callee, const Call& call) {
    std::vector<network::v1::Pool> out;
    callee.acquire_pools(request, out, call);
    return out;
  };
  co_return co_await drivers.call(driver, Pool::slow, settings, work);
}

awaitable<void> Service::Impl::release_pools(Network network) {
  if (!is_leased(network)) co_return;
  try {
    const plugins::IpamDriver driver = co_await drivers.use_ipam(network.ipam_driver);
    const plugins::CallSettings settings = call_settings(driver.info());
    const auto work = [id = network.id](auto& callee, const Call& call) { callee.release_pools(id, call); };
    co_await drivers.call(driver, Pool::quick, settings, work);
  } catch (const Error& error) {
    // The driver still lists them, so the next `reconcile` tries again.
    spdlog::error("addresses of network {} are not released: {}", network.name, error.what());
  }
}

awaitable<network::v1::EndpointSpec> Service::Impl::acquire_addresses(NetworkPtr network, plugins::IpamDriver driver,
                                                                      network::v1::EndpointSpec spec) {
  const plugins::NetworkDriver joined = co_await drivers.use_network(network->driver);
  const bool own_mac = !joined.can("shared-mac");
  if (driver.can("needs-mac") && own_mac && spec.mac.empty()) {
    spec.mac = stable_mac(spec.container_id, spec.network_id);
  }
  ipam::v1::EndpointRequest request;
  request.id = spec.id;
  request.network_id = spec.network_id;
  request.container_id = spec.container_id;
  request.container_name = spec.container_name;
  request.mac = own_mac ? spec.mac : "";
  request.ipv4 = spec.ipv4;
  request.ipv6 = spec.ipv6;
  const plugins::CallSettings settings = call_settings(driver.info());
  const auto work = [request](auto& callee, const Call& call) {
    ipam::v1::Addresses out;
    callee.acquire_addresses(request, out, call);
    return out;
  };
  const auto given = co_await drivers.call(driver, Pool::slow, settings, work);
  spec.ipv4 = given.ipv4;
  spec.ipv6 = given.ipv6;
  co_return spec;
}

awaitable<void> Service::Impl::release_addresses(Endpoint endpoint) {
  const NetworkPtr network = networks.find(endpoint.network_id);
  if (!network || !is_leased(*network)) co_return;
  const plugins::IpamDriver driver = co_await drivers.use_ipam(network->ipam_driver);
  const plugins::CallSettings settings = call_settings(driver.info());
  const auto work = [network_id = endpoint.network_id, id = endpoint.id](auto& callee, const Call& call) {
    callee.release_addresses(network_id, id, call);
  };
  co_await drivers.call(driver, Pool::quick, settings, work);
}

awaitable<void> Service::Impl::release_unknown(std::string name) {
  const plugins::IpamDriver driver = drivers.ipam(name);
  std::set<std::string> known;
  for (const auto& [id, network] : networks.all()) known.insert(id);
  for (const auto& [id, endpoint] : endpoints.all()) known.insert(id);
  const plugins::CallSettings settings = call_settings(driver.info());
  const auto work = [known](auto& callee, const Call& call) {
    ipam::v1::Holdings holdings;
    callee.list(holdings, call);
    for (const auto& [network_id, endpoint_ids] : holdings.networks) {
      for (const std::string& id : endpoint_ids) {
        if (!known.contains(id)) callee.release_addresses(network_id, id, call);
      }
      if (!known.contains(network_id)) callee.release_pools(network_id, call);
    }
  };
  co_await drivers.call(driver, Pool::quick, settings, work);
}

}  // namespace gantry::networks
