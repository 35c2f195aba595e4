#include <spdlog/spdlog.h>

#include <set>

#include "networks/impl.hpp"

/// What nobody knows any more is given up.
namespace gantry::networks {

awaitable<void> Service::reconcile(std::set<std::string> alive) {
  std::vector<std::string> gone;
  std::set<std::string> kept;
  for (const auto& [id, endpoint] : impl_->endpoints.all()) {
    if (impl_->places.contains(endpoint->container_id)) continue;
    if (alive.contains(endpoint->container_id)) {
      kept.insert(id);
    } else {
      gone.push_back(id);
    }
  }
  if (!gone.empty()) {
    impl_->store.update([&](state::Transaction& transaction) {
      for (const std::string& id : gone) impl_->endpoints.erase(transaction, id);
    });
  }
  for (const auto& [container, place] : impl_->places) {
    for (const Endpoint& endpoint : place.endpoints) kept.insert(endpoint.id);
  }
  co_await impl_->give_up_all_but(std::move(kept));
  for (const std::string& driver : impl_->drivers.names("ipam")) {
    try {
      co_await impl_->release_unknown(driver);
    } catch (const Error& error) {
      spdlog::error("ipam driver {}: what it holds is not reconciled: {}", driver, error.what());
    }
  }
}

awaitable<void> Service::Impl::give_up_all_but(std::set<std::string> endpoint_ids) {
  for (const std::string& driver : drivers.names("network")) {
    try {
      co_await give_up_unknown(driver, endpoint_ids);
    } catch (const Error& error) {
      spdlog::error("network driver {}: what it holds is not reconciled: {}", driver, error.what());
    }
  }
}

awaitable<void> Service::Impl::give_up_unknown(std::string name, std::set<std::string> known_endpoints) {
  const plugins::NetworkDriver driver = drivers.network(name);
  std::set<std::string> known_networks;
  for (const auto& [id, network] : networks.all()) known_networks.insert(id);
  const plugins::CallSettings settings = call_settings(driver.info());
  const auto work = [known_networks, known_endpoints](auto& callee, const Call& call) {
    network::v1::Holdings holdings;
    callee.list(holdings, call);
    for (const auto& [network_id, endpoint_ids] : holdings.networks) {
      for (const std::string& id : endpoint_ids) {
        if (!known_endpoints.contains(id)) callee.detach(network_id, id, call);
      }
      if (!known_networks.contains(network_id)) callee.remove_network(network_id, call);
    }
  };
  co_await drivers.call(driver, Pool::quick, settings, work);
}

}  // namespace gantry::networks
