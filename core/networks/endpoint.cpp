#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/file.hpp"
#include "base/id.hpp"
#include "networks/impl.hpp"

/// Containers on networks.
namespace gantry::networks {
namespace {

/// What may be chosen becomes what was chosen for it before.
std::vector<network::v1::Port> keep_chosen(std::vector<network::v1::Port> wanted,
                                           std::vector<network::v1::Port> chosen) {
  for (network::v1::Port& port : wanted) {
    const auto last = std::max(port.host_port, port.host_port_end);
    const auto is_its = [&port](const network::v1::Port& had) {
      return had.protocol == port.protocol && had.container_port == port.container_port &&
             (port.host_ip.empty() || had.host_ip == port.host_ip);
    };
    const auto had = std::find_if(chosen.begin(), chosen.end(), [&](const network::v1::Port& one) {
      return is_its(one) && (port.host_port == 0 || (one.host_port >= port.host_port && one.host_port <= last));
    });
    if (had == chosen.end()) continue;
    port.host_port = had->host_port;
    port.host_port_end = 0;
    // The same number on its other addresses belongs to this one too.
    std::erase_if(chosen, [&](const network::v1::Port& one) { return is_its(one) && one.host_port == port.host_port; });
  }
  return wanted;
}

}  // namespace

SharedFd duplicate(int netns) {
  if (netns < 0) return std::make_shared<UniqueFd>();
  UniqueFd copy(::fcntl(netns, F_DUPFD_CLOEXEC, 0));
  if (!copy) throw_errno("keep a container's network namespace");
  return std::make_shared<UniqueFd>(std::move(copy));
}

network::v1::EndpointSpec spec_of(const Endpoint& endpoint) {
  const bool known = !endpoint.result.ipv4.empty() || !endpoint.result.ipv6.empty();
  network::v1::EndpointSpec spec;
  spec.id = endpoint.id;
  spec.network_id = endpoint.network_id;
  spec.container_id = endpoint.container_id;
  spec.container_name = endpoint.container_name;
  spec.interface = endpoint.interface;
  spec.mac = known ? endpoint.result.mac : endpoint.request.mac;
  spec.ipv4 = known ? endpoint.result.ipv4 : endpoint.request.ipv4;
  spec.ipv6 = known ? endpoint.result.ipv6 : endpoint.request.ipv6;
  spec.options = endpoint.request.options;
  spec.link_local = endpoint.request.link_local;
  spec.default_gateway = endpoint.default_gateway;
  if (endpoint.default_gateway) spec.ports = endpoint.ports;
  return spec;
}

bool Service::Impl::has_driver(const Network& network) const {
  if (network.driver == "null") return false;
  const plugins::NetworkDriver& driver = drivers.network(network.driver);
  return !driver.can("host-namespace") && !driver.can("no-interface");
}

/// So that `plan` finds them: one that stands for a plugin may not be open yet.
awaitable<void> Service::Impl::look_up_drivers(std::vector<EndpointRequest> wanted) {
  for (const EndpointRequest& asked : wanted) {
    NetworkPtr network = find_name(asked.network);
    if (!network) network = networks.find(asked.network);
    if (network && !network->config_only && network->driver != "null") co_await drivers.use_network(network->driver);
  }
}

Endpoint Service::Impl::plan(const SandboxRequest& request, const EndpointRequest& asked, const Place& place) const {
  NetworkPtr network = find_name(asked.network);
  if (!network) network = networks.find(asked.network);
  if (!network || leaving.contains(network->id)) {
    const std::string& known = asked.network_id.empty() ? asked.network : asked.network_id;
    throw Error{Errc::not_found, "network " + known + " not found"};
  }
  if (network->config_only) {
    throw Error{Errc::denied, "cannot create endpoint on configuration-only network"};
  }
  check_endpoint(network.get(), asked);
  check_link_local(asked);
  Endpoint endpoint;
  endpoint.id = random_id();
  endpoint.network_id = network->id;
  endpoint.network_name = network->name;
  endpoint.container_id = request.container_id;
  endpoint.container_name = request.container_name;
  endpoint.hostname = request.hostname;
  endpoint.request = asked;
  if (has_driver(*network))
    endpoint.interface = interface_of(request, asked, *network, place.endpoints, place.numbered);
  return endpoint;
}

awaitable<Endpoint> Service::Impl::join(Endpoint endpoint, SharedFd netns) {
  if (endpoint.interface.empty()) co_return endpoint;
  const NetworkPtr network = networks.find(endpoint.network_id);
  if (!network) throw Error{Errc::not_found, "network " + endpoint.network_name + " not found"};
  const plugins::NetworkDriver driver = co_await drivers.use_network(network->driver);
  auto spec = spec_of(endpoint);
  if (is_leased(*network)) {
    const plugins::IpamDriver ipam = co_await drivers.use_ipam(network->ipam_driver);
    spec = co_await acquire_addresses(network, ipam, std::move(spec));
  }
  const plugins::CallSettings settings = call_settings(driver.info());
  const auto work = [spec, netns](auto& callee, const Call& call) {
    network::v1::Endpoint out;
    callee.attach(spec, netns->get(), out, call);
    return out;
  };
  endpoint.result = co_await drivers.call(driver, Pool::quick, settings, work);
  if (!endpoint.result.interface.empty()) endpoint.interface = endpoint.result.interface;
  co_return endpoint;
}

awaitable<void> Service::Impl::leave(Endpoint endpoint) {
  if (endpoint.interface.empty()) co_return;
  const NetworkPtr network = networks.find(endpoint.network_id);
  if (!network) co_return;
  try {
    const plugins::NetworkDriver driver = co_await drivers.use_network(network->driver);
    const plugins::CallSettings settings = call_settings(driver.info());
    const auto work = [network_id = endpoint.network_id, id = endpoint.id](auto& callee, const Call& call) {
      callee.detach(network_id, id, call);
    };
    co_await drivers.call(driver, Pool::quick, settings, work);
    co_await release_addresses(endpoint);
  } catch (const Error& error) {
    // The driver still lists it, so the next `reconcile` tries again.
    spdlog::error("container {} is not taken off network {}: {}", endpoint.container_id, endpoint.network_name,
                  error.what());
  }
}

awaitable<void> Service::Impl::prepare_loopback(SharedFd netns) {
  if (!*netns) co_return;
  const auto work = [this, netns] { namespaces->run(netns->get(), set_loopback_up); };
  co_await workers.run(Pool::quick, work);
}

void Service::Impl::commit(const std::vector<Endpoint>& changed) {
  const auto on_record = [](const Endpoint& endpoint) { return !endpoint.interface.empty(); };
  if (std::none_of(changed.begin(), changed.end(), on_record)) return;
  store.update([&](state::Transaction& transaction) {
    for (const Endpoint& endpoint : changed) {
      if (on_record(endpoint)) endpoints.put(transaction, endpoint.id, endpoint);
    }
  });
}

awaitable<Sandbox> Service::attach(SandboxRequest request, int netns) {
  const SharedFd sandbox = duplicate(netns);
  const auto pass = co_await impl_->gate.enter();
  // As with dockerd: without a default network its containers have none.
  if (impl_->config.bridge == "none") {
    std::erase_if(request.endpoints, [](const EndpointRequest& asked) { return asked.network == "bridge"; });
  }
  co_await impl_->look_up_drivers(request.endpoints);
  Impl::Place place;
  place.name = request.container_name;
  place.ports = request.ports;
  place.dns = request.dns;
  place.netns = sandbox;
  impl_->sort_by_rank(request.endpoints);
  bool any_driver = false;
  for (const EndpointRequest& asked : request.endpoints) {
    place.endpoints.push_back(impl_->plan(request, asked, place));
    any_driver = any_driver || !place.endpoints.back().interface.empty();
    count_interface(place.endpoints.back().interface, place.numbered);
  }
  impl_->choose_gateway(place);
  const bool on_host = std::any_of(place.endpoints.begin(), place.endpoints.end(),
                                   [](const Endpoint& endpoint) { return endpoint.network_name == "host"; });
  if (!any_driver && !on_host) co_await impl_->prepare_loopback(sandbox);
  const std::string id = request.container_id;
  // On the list before the drivers are called, so that nobody removes a network meanwhile.
  impl_->places[id] = std::move(place);
  std::exception_ptr failure;
  try {
    const std::size_t count = impl_->places[id].endpoints.size();
    for (std::size_t i = 0; i < count; ++i) {
      Endpoint planned = impl_->places[id].endpoints[i];
      Endpoint joined = co_await impl_->join(std::move(planned), sandbox);
      impl_->places[id].endpoints[i] = std::move(joined);
    }
    co_await impl_->start_resolver(id);
    impl_->commit(impl_->places[id].endpoints);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    const Impl::Place undone = std::move(impl_->places[id]);
    for (const Endpoint& endpoint : undone.endpoints) co_await impl_->leave(endpoint);
    impl_->places.erase(id);
    std::rethrow_exception(failure);
  }
  for (const Endpoint& endpoint : impl_->places[id].endpoints) {
    if (const auto network = impl_->networks.find(endpoint.network_id)) impl_->publish("connect", *network, id);
  }
  co_return Sandbox{impl_->places[id].endpoints, impl_->places[id].resolver != nullptr};
}

awaitable<Endpoint> Service::connect(SandboxRequest request, EndpointRequest asked, int netns) {
  const SharedFd sandbox = duplicate(netns);
  const auto pass = co_await impl_->gate.enter();
  const std::vector<EndpointRequest> wanted{asked};
  co_await impl_->look_up_drivers(wanted);
  const std::string id = request.container_id;
  Impl::Place& place = impl_->places[id];
  place.name = request.container_name;
  place.netns = sandbox;
  Endpoint planned = impl_->plan(request, asked, place);
  for (const Endpoint& other : place.endpoints) {
    if (other.network_id != planned.network_id) continue;
    throw Error{Errc::denied,
                "endpoint with name " + request.container_name + " already exists in network " + planned.network_name};
  }
  const auto old_gateway = std::find_if(place.endpoints.begin(), place.endpoints.end(),
                                        [](const Endpoint& endpoint) { return endpoint.default_gateway; });
  const std::string from = old_gateway == place.endpoints.end() ? "" : old_gateway->id;
  const std::string new_id = planned.id;
  place.endpoints.push_back(planned);
  std::exception_ptr failure;
  try {
    Endpoint joined = co_await impl_->join(std::move(planned), sandbox);
    impl_->places.at(id).endpoints.back() = std::move(joined);
    co_await impl_->move_gateway(id, from);
    co_await impl_->start_resolver(id);
    impl_->commit(impl_->places.at(id).endpoints);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    const Endpoint undone = impl_->places.at(id).endpoints.back();
    impl_->places.at(id).endpoints.pop_back();
    co_await impl_->leave(undone);
    impl_->choose_gateway(impl_->places.at(id));
    std::rethrow_exception(failure);
  }
  const Endpoint made = impl_->places.at(id).endpoints.back();
  count_interface(made.interface, impl_->places.at(id).numbered);
  impl_->publish("connect", *impl_->networks.find(made.network_id), id);
  co_return made;
}

awaitable<Endpoint> Service::disconnect(std::string container_id, std::string name) {
  const auto pass = co_await impl_->gate.enter();
  const auto network = get(name);
  const auto place = impl_->places.find(container_id);
  const auto on_it = [&](const Endpoint& endpoint) { return endpoint.network_id == network->id; };
  if (place == impl_->places.end() ||
      std::none_of(place->second.endpoints.begin(), place->second.endpoints.end(), on_it)) {
    throw Error{Errc::internal, "container " + container_id + " is not connected to the network " + network->name};
  }
  auto& all = place->second.endpoints;
  const auto found = std::find_if(all.begin(), all.end(), on_it);
  const Endpoint left = *found;
  all.erase(found);
  co_await impl_->leave(left);
  impl_->store.update([&](state::Transaction& transaction) { impl_->endpoints.erase(transaction, left.id); });
  if (left.default_gateway) {
    co_await impl_->move_gateway(container_id, left.id);
    impl_->commit(impl_->places.at(container_id).endpoints);
  }
  impl_->publish("disconnect", *network, container_id);
  co_return left;
}

awaitable<void> Service::publish(std::string container_id, std::vector<network::v1::Port> ports) {
  const auto pass = co_await impl_->gate.enter();
  const auto place = impl_->places.find(container_id);
  if (place == impl_->places.end()) co_return;
  const auto& all = place->second.endpoints;
  const auto gateway =
      std::find_if(all.begin(), all.end(), [](const Endpoint& endpoint) { return endpoint.default_gateway; });
  if (gateway != all.end()) {
    const std::string endpoint_id = gateway->id;
    Endpoint changed = *gateway;
    changed.ports = keep_chosen(ports, gateway->result.ports);
    Endpoint joined = co_await impl_->join(std::move(changed), place->second.netns);
    joined.ports = ports;
    for (Endpoint& endpoint : impl_->places.at(container_id).endpoints) {
      if (endpoint.id == endpoint_id) endpoint = joined;
    }
    impl_->commit(impl_->places.at(container_id).endpoints);
  }
  impl_->places.at(container_id).ports = std::move(ports);
}

awaitable<void> Service::detach(std::string container_id) {
  const auto pass = co_await impl_->gate.enter();
  const auto found = impl_->places.find(container_id);
  if (found == impl_->places.end()) co_return;
  found->second.resolver.reset();
  const std::vector<Endpoint> all = found->second.endpoints;
  for (const Endpoint& endpoint : all) co_await impl_->leave(endpoint);
  impl_->places.erase(container_id);
  const bool on_record =
      std::any_of(all.begin(), all.end(), [](const Endpoint& one) { return !one.interface.empty(); });
  if (on_record) {
    impl_->store.update([&](state::Transaction& transaction) {
      for (const Endpoint& endpoint : all) {
        if (!endpoint.interface.empty()) impl_->endpoints.erase(transaction, endpoint.id);
      }
    });
  }
  for (const Endpoint& endpoint : all) {
    if (const auto network = impl_->networks.find(endpoint.network_id)) {
      impl_->publish("disconnect", *network, container_id);
    }
  }
}

std::vector<Endpoint> Service::endpoints(const std::string& container_id) const {
  const auto found = std::as_const(impl_->places).find(container_id);
  return found == impl_->places.end() ? std::vector<Endpoint>{} : found->second.endpoints;
}

Sandbox Service::sandbox(const std::string& container_id) const {
  const auto found = std::as_const(impl_->places).find(container_id);
  if (found == impl_->places.end()) return {};
  return {found->second.endpoints, found->second.resolver != nullptr};
}

std::vector<Endpoint> Service::members(const std::string& network_id) const {
  std::vector<Endpoint> out;
  for (const auto& [container, place] : impl_->places) {
    for (const Endpoint& endpoint : place.endpoints) {
      if (endpoint.network_id == network_id) out.push_back(endpoint);
    }
  }
  return out;
}

void Service::rename_container(const std::string& container_id, const std::string& name) {
  const auto found = impl_->places.find(container_id);
  if (found == impl_->places.end()) return;
  found->second.name = name;
  for (Endpoint& endpoint : found->second.endpoints) endpoint.container_name = name;
}

}  // namespace gantry::networks
