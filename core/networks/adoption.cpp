#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "networks/impl.hpp"

/// Containers that run on while the daemon is started again.
namespace gantry::networks {
namespace {

/// The user may have named the network by its id.
bool asks_for(const SandboxRequest& request, const Endpoint& endpoint) {
  return std::any_of(request.endpoints.begin(), request.endpoints.end(), [&](const EndpointRequest& asked) {
    return asked.network == endpoint.request.network || asked.network == endpoint.network_name ||
           asked.network == endpoint.network_id;
  });
}

}  // namespace

awaitable<Endpoint> Service::Impl::take_up(Endpoint endpoint, SharedFd netns) {
  // The ports as they were given, not as they were asked for: they must not change under the clients.
  if (endpoint.default_gateway) endpoint.ports = endpoint.result.ports;
  try {
    co_return co_await join(endpoint, std::move(netns));
  } catch (const Error& error) {
    spdlog::error("container {} is not taken up again on network {}: {}", endpoint.container_id, endpoint.network_name,
                  error.what());
  }
  co_return endpoint;
}

awaitable<void> Service::Impl::give_up(std::vector<Endpoint> unknown) {
  for (const Endpoint& endpoint : unknown) co_await leave(endpoint);
  if (unknown.empty()) co_return;
  store.update([&](state::Transaction& transaction) {
    for (const Endpoint& endpoint : unknown) endpoints.erase(transaction, endpoint.id);
  });
}

awaitable<void> Service::Impl::find_gateway(std::string container_id) {
  const auto has_one = [&] {
    const auto& all = places.at(container_id).endpoints;
    return std::any_of(all.begin(), all.end(), [](const Endpoint& one) { return one.default_gateway; });
  };
  if (has_one()) co_return;
  try {
    co_await move_gateway(container_id, {});
    if (has_one()) commit(places.at(container_id).endpoints);
  } catch (const Error& error) {
    spdlog::error("container {} has no default route: {}", container_id, error.what());
  }
}

/// Networks without a driver have nothing on record.
std::vector<std::string> Service::Impl::add_driverless(const SandboxRequest& request, Place& place) const {
  std::vector<std::string> undecided;
  for (const EndpointRequest& asked : request.endpoints) {
    const NetworkPtr network = find_name(asked.network);
    const auto is_there = [&](const Endpoint& one) { return network && one.network_id == network->id; };
    if (!network || std::any_of(place.endpoints.begin(), place.endpoints.end(), is_there)) continue;
    try {
      if (!has_driver(*network)) place.endpoints.push_back(plan(request, asked, place));
    } catch (const Error& error) {
      spdlog::error("container {} is not taken up again on network {}: {}", request.container_id, network->name,
                    error.what());
      undecided.push_back(network->id);
    }
  }
  return undecided;
}

awaitable<Adoption> Service::adopt(SandboxRequest request, int netns) {
  const auto pass = co_await impl_->gate.enter();
  const std::string id = request.container_id;
  Impl::Place place;
  place.name = request.container_name;
  place.ports = request.ports;
  place.dns = request.dns;
  std::vector<Endpoint> unknown;
  for (const auto& [endpoint_id, endpoint] : impl_->endpoints.all()) {
    if (endpoint->container_id == id) (asks_for(request, *endpoint) ? place.endpoints : unknown).push_back(*endpoint);
  }
  std::sort(place.endpoints.begin(), place.endpoints.end(),
            [](const Endpoint& a, const Endpoint& b) { return a.interface < b.interface; });
  for (Endpoint& endpoint : place.endpoints) {
    count_interface(endpoint.interface, place.numbered);
    endpoint.container_name = request.container_name;
    endpoint.hostname = request.hostname;
  }
  const std::size_t on_record = place.endpoints.size();
  const std::vector<std::string> undecided = impl_->add_driverless(request, place);
  // Before anything can fail: what has no place is given up by `reconcile`, and the container runs.
  impl_->places[id] = std::move(place);
  const SharedFd sandbox = duplicate(netns);
  impl_->places.at(id).netns = sandbox;
  for (std::size_t at = 0; at < on_record; ++at) {
    Endpoint joined = co_await impl_->take_up(impl_->places.at(id).endpoints[at], sandbox);
    impl_->places.at(id).endpoints[at] = std::move(joined);
  }
  co_await impl_->give_up(unknown);
  co_await impl_->find_gateway(id);
  try {
    co_await impl_->start_resolver(id, true);
  } catch (const Error& error) {
    spdlog::error("container {} has no resolver: {}", id, error.what());
  }
  co_return Adoption{
      {impl_->places[id].endpoints, impl_->places[id].resolver != nullptr}, std::move(unknown), undecided};
}

}  // namespace gantry::networks
