#include <algorithm>
#include <tuple>
#include <utility>

#include "networks/impl.hpp"

/// What a network is to a container: the name and the number of its interface, and whether the default route and the
/// published ports are there.
namespace gantry::networks {
namespace {

std::string interface_prefix(const Network& network) {
  const auto found = network.options.find("com.docker.network.container_iface_prefix");
  return found == network.options.end() || found->second.empty() ? "eth" : found->second;
}

bool has_interface(const std::vector<Endpoint>& endpoints, const std::string& name) {
  return std::any_of(endpoints.begin(), endpoints.end(),
                     [&](const Endpoint& endpoint) { return endpoint.interface == name; });
}

// In this order a container's interfaces get their numbers, and the first has the default route (libnetwork's
// Endpoint.Less): internal networks come last, those with both families before the others.
using Rank = std::tuple<bool, int, bool, std::string>;

Rank rank(const Network& network, const EndpointRequest& asked) {
  return {network.internal, -asked.gateway_priority, !(network.ipv4 && network.ipv6), network.name};
}

/// The prefix and the next number that no other network of the container has had or is to have.
std::string next_interface(const std::string& prefix, const SandboxRequest& request,
                           const std::vector<Endpoint>& others, const std::map<std::string, int>& numbered) {
  const auto counted = numbered.find(prefix);
  for (int number = counted == numbered.end() ? 0 : counted->second;; ++number) {
    std::string name = prefix + std::to_string(number);
    const auto wants_it = [&](const EndpointRequest& other) { return asked_interface(other) == name; };
    if (!has_interface(others, name) && std::none_of(request.endpoints.begin(), request.endpoints.end(), wants_it)) {
      return name;
    }
  }
}

}  // namespace

std::string interface_of(const SandboxRequest& request, const EndpointRequest& asked, const Network& network,
                         const std::vector<Endpoint>& others, const std::map<std::string, int>& numbered) {
  std::string name = asked_interface(asked);
  if (name.empty()) return next_interface(interface_prefix(network), request, others, numbered);
  if (has_interface(others, name)) {
    throw Error{Errc::denied, "interface name " + name + " for network " + network.name +
                                  " is already in use by container " + request.container_name};
  }
  return name;
}

void count_interface(const std::string& name, std::map<std::string, int>& numbered) {
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  constexpr std::size_t kMostDigits = 6;  // an interface's name has 15 characters
  if (digits == 0 || digits == name.size() || name.size() - digits > kMostDigits) return;
  int& count = numbered[name.substr(0, digits)];
  count = std::max(count, std::stoi(name.substr(digits)) + 1);
}

void Service::Impl::sort_by_rank(std::vector<EndpointRequest>& wanted) const {
  const auto its_rank = [this](const EndpointRequest& asked) {
    auto network = find_name(asked.network);
    if (!network) network = networks.find(asked.network);
    return network ? rank(*network, asked) : Rank{};
  };
  std::stable_sort(wanted.begin(), wanted.end(),
                   [&](const auto& one, const auto& other) { return its_rank(one) < its_rank(other); });
}

void Service::Impl::choose_gateway(Place& place) const {
  Endpoint* best = nullptr;
  Rank best_rank;
  for (Endpoint& endpoint : place.endpoints) {
    endpoint.default_gateway = false;
    endpoint.ports.clear();
    const NetworkPtr network = networks.find(endpoint.network_id);
    if (!network || network->internal || network->no_way_out || endpoint.interface.empty()) continue;
    const Rank its = rank(*network, endpoint.request);
    if (best != nullptr && best_rank < its) continue;
    best = &endpoint;
    best_rank = its;
  }
  if (best == nullptr) return;
  best->default_gateway = true;
  best->ports = place.ports;
}

awaitable<void> Service::Impl::move_gateway(std::string id, std::string from) {
  Place& place = places.at(id);
  choose_gateway(place);
  const auto gateway = std::find_if(place.endpoints.begin(), place.endpoints.end(),
                                    [](const Endpoint& endpoint) { return endpoint.default_gateway; });
  const std::string to = gateway == place.endpoints.end() ? "" : gateway->id;
  if (to == from) co_return;
  // First the ports are given back where they were, then taken where they go.
  for (const std::string& moved : {from, to}) {
    const auto& all = places.at(id).endpoints;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Endpoint& one) { return one.id == moved; });
    if (found == all.end()) continue;
    const auto index = found - all.begin();
    Endpoint joined = co_await join(*found, places.at(id).netns);
    places.at(id).endpoints[static_cast<std::size_t>(index)] = std::move(joined);
  }
}

}  // namespace gantry::networks
