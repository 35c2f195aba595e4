#include <spdlog/spdlog.h>

#include <utility>

#include "networks/impl.hpp"

/// Drivers that are disabled or replaced while containers run.
namespace gantry::networks {

// By the file: a driver that stands for others' plugins has objects under their names.
std::string Service::user_of(const plugins::DriverInfo& driver) const {
  const auto file_of = [this, &driver](const Network& network) -> std::string {
    try {
      if (driver.kind == "network") return impl_->drivers.network(network.driver).info().file;
      if (driver.kind == "ipam" && Impl::is_leased(network))
        return impl_->drivers.ipam(network.ipam_driver).info().file;
    } catch (const Error&) {
      // It has no driver now.
    }
    return {};
  };
  for (const auto& [id, network] : impl_->networks.all()) {
    if (!network->config_only && file_of(*network) == driver.file) return "network " + network->name;
  }
  return {};
}

std::vector<std::pair<Endpoint, SharedFd>> Service::Impl::all_placed() const {
  std::vector<std::pair<Endpoint, SharedFd>> all;
  for (const auto& [container, place] : places) {
    for (const Endpoint& endpoint : place.endpoints) {
      if (!endpoint.interface.empty()) all.emplace_back(endpoint, place.netns);
    }
  }
  return all;
}

/// A new object learns what a daemon that starts would tell it.
awaitable<void> Service::Impl::teach(std::string name, plugins::NetworkDriver driver, bool spared) {
  const auto failed = [spared](const std::string& what, const Error& error) {
    if (!spared) throw Error{error};
    spdlog::error("{}: {}", what, error.what());
  };
  for (const auto& network : std::map{networks.all()}) {
    if (network.second->driver != name || network.second->config_only) continue;
    try {
      co_await make_in_driver(*network.second, driver, network.second->chosen);
    } catch (const Error& error) {
      failed("network " + network.second->name + " is not available", error);
    }
  }
  auto all = all_placed();
  const plugins::CallSettings settings = call_settings(driver.info());
  for (auto& [endpoint, netns] : all) {
    const NetworkPtr network = networks.find(endpoint.network_id);
    if (!network || network->driver != name) continue;
    if (endpoint.default_gateway) endpoint.ports = endpoint.result.ports;
    const auto work = [spec = spec_of(endpoint), sandbox = netns](auto& callee, const Call& call) {
      network::v1::Endpoint out;
      callee.attach(spec, sandbox->get(), out, call);
    };
    try {
      co_await drivers.call(driver, Pool::quick, settings, work);
    } catch (const Error& error) {
      failed("container " + endpoint.container_id + " is not on network " + network->name, error);
    }
  }
}

/// The same for one that gives addresses.
awaitable<void> Service::Impl::teach(std::string name, plugins::IpamDriver driver, bool spared) {
  const auto failed = [spared](const std::string& what, const Error& error) {
    if (!spared) throw Error{error};
    spdlog::error("{}: {}", what, error.what());
  };
  const auto is_its = [&name](const Network& network) { return is_leased(network) && network.ipam_driver == name; };
  for (const auto& network : std::map{networks.all()}) {
    if (!is_its(*network.second) || network.second->config_only) continue;
    try {
      co_await acquire_pools(*network.second, driver);
    } catch (const Error& error) {
      failed("network " + network.second->name + " has no addresses to give", error);
    }
  }
  const auto all = all_placed();
  for (const auto& [endpoint, netns] : all) {
    const NetworkPtr network = networks.find(endpoint.network_id);
    if (!network || !is_its(*network)) continue;
    auto spec = spec_of(endpoint);
    try {
      co_await acquire_addresses(network, driver, std::move(spec));
    } catch (const Error& error) {
      failed("container " + endpoint.container_id + " may lose its address on network " + network->name, error);
    }
  }
}

// The gate stays open: whoever joins or leaves meanwhile waits in its call into the driver, which has been started
// again and takes nothing but what it learns.
awaitable<void> Service::relearn(plugins::NetworkDriver driver) {
  try {
    co_await impl_->teach(driver.name(), driver, true);
  } catch (const std::exception& error) {
    spdlog::error("network driver {} has not learnt what it knew: {}", driver.name(), error.what());
  }
}

awaitable<void> Service::relearn(plugins::IpamDriver driver) {
  try {
    co_await impl_->teach(driver.name(), driver, true);
  } catch (const std::exception& error) {
    spdlog::error("IPAM driver {} has not learnt what it knew: {}", driver.name(), error.what());
  }
}

awaitable<void> Service::take_over(Prepare prepare, Replace replace) {
  const auto lock = co_await impl_->creation.lock();
  const auto closed = co_await impl_->gate.close();
  // Not before: what the new object reads when it is opened nobody changes any more.
  const auto successor = co_await prepare();
  const auto drivers = plugins::Drivers::networks_of(*successor);
  for (const auto& [name, driver] : drivers) co_await impl_->teach(name, driver, false);
  const auto ipams = plugins::Drivers::ipams_of(*successor);
  for (const auto& [name, driver] : ipams) co_await impl_->teach(name, driver, false);
  replace(*successor);
}

}  // namespace gantry::networks
