#include <algorithm>
#include <random>
#include <utility>

#include "base/file.hpp"
#include "networks/impl.hpp"
#include "networks/sandbox_files.hpp"

/// What containers are called on user-defined networks.
namespace gantry::networks {
namespace {

/// Where the resolver asks for what it does not know: the user's servers from inside of the container, the host's from
/// the host, as dockerd does.
std::vector<NameServer> upstream(const std::vector<std::string>& asked) {
  std::vector<NameServer> servers;
  for (const std::string& address : asked) servers.push_back({address, false});
  if (!servers.empty()) return servers;
  try {
    const ResolvConf host = parse_resolv_conf(read_file("/etc/resolv.conf", std::size_t{64} << 10));
    for (const std::string& address : host.servers) servers.push_back({address, true});
  } catch (const Error&) {
    // a host without it has no names
  }
  return servers;
}

/// The name that a link gives to another container ("db:database" to "database"); nothing if it is another one's.
std::optional<std::string> link_target(const std::vector<std::string>& links, const std::string& name) {
  for (const std::string& link : links) {
    const auto colon = link.find(':');
    const std::string alias = colon == std::string::npos ? link : link.substr(colon + 1);
    std::string target = link.substr(0, colon);
    if (target.starts_with('/')) target.erase(0, 1);
    if (lower(alias) == name) return lower(target);
  }
  return std::nullopt;
}

awaitable<UniqueFd> open_socket(std::shared_ptr<NamespaceThread> namespaces, Workers* workers, SharedFd netns,
                                int family, int type) {
  const auto open = [&] { return open_inside(*namespaces, netns->get(), family, type); };
  co_return co_await workers->run(Pool::quick, open);
}

}  // namespace

std::vector<std::string> names_on(const Endpoint& endpoint) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  add(endpoint.container_name);
  for (const std::string& alias : endpoint.request.aliases) add(alias);
  add(endpoint.container_id.substr(0, 12));
  add(endpoint.hostname);
  return names;
}

const NameIndex& Service::Impl::Places::names_on(const std::string& network_id) const {
  const auto [entry, is_new] = names_.try_emplace(network_id);
  if (!is_new) return entry->second;
  for (const auto& [id, place] : all_) {
    for (const Endpoint& endpoint : place.endpoints) {
      if (endpoint.network_id == network_id) entry->second.add(endpoint);
    }
  }
  return entry->second;
}

bool Service::Impl::needs_resolver(const Place& place) const {
  return std::any_of(place.endpoints.begin(), place.endpoints.end(), [](const Endpoint& endpoint) {
    return !endpoint.interface.empty() && !Service::predefined(endpoint.network_name);
  });
}

bool Service::Impl::has_way_out(const Place& place) const {
  return std::any_of(place.endpoints.begin(), place.endpoints.end(), [this](const Endpoint& endpoint) {
    // An earlier version's record may give the default route to a network that leads nowhere.
    const NetworkPtr network = endpoint.default_gateway ? networks.find(endpoint.network_id) : nullptr;
    return network && !network->internal && !network->no_way_out;
  });
}

awaitable<void> Service::Impl::start_resolver(std::string container_id, bool again) {
  if (places.at(container_id).resolver || !needs_resolver(places.at(container_id))) co_return;
  const SharedFd netns = places.at(container_id).netns;
  const auto open = [this, netns, again] { return open_resolver(*namespaces, netns->get(), again); };
  ResolverSockets sockets = co_await workers.run(Pool::quick, open);
  NameSource names;
  names.forward = [this, container_id](const std::string& name) { return resolve(container_id, name); };
  names.reverse = [this, container_id](const std::string& address) { return name_of(container_id, address); };
  // A question that the host asks is a way out as well (CVE-2024-29018): whoever has no other has not this one.
  names.outside = [this, container_id] {
    const auto asker = std::as_const(places).find(container_id);
    return asker != places.end() && has_way_out(asker->second);
  };
  const auto executor = co_await asio::this_coro::executor;
  const auto found = places.find(container_id);
  if (found == places.end()) co_return;
  // What it holds may be asked for while the service ends.
  OpenInside inside = [thread = namespaces, pool = &workers, netns](int family, int type) {
    return open_socket(thread, pool, netns, family, type);
  };
  found->second.resolver = std::make_unique<Resolver>(executor, std::move(sockets), std::move(names),
                                                      upstream(found->second.dns), std::move(inside));
}

std::optional<NameAnswer> Service::Impl::resolve(const std::string& container_id, const std::string& name) const {
  const auto asker = places.find(container_id);
  if (asker == places.end()) return std::nullopt;
  NameAnswer answer;
  bool known = false;
  for (const Endpoint& own : asker->second.endpoints) {
    if (own.interface.empty() || Service::predefined(own.network_name)) continue;
    const std::string wanted = link_target(own.request.links, name).value_or(name);
    const std::string qualified = "." + lower(own.network_name);
    // A hostname or an alias may itself end as the network is called.
    const bool has_network = wanted.ends_with(qualified);
    const std::string unqualified = has_network ? wanted.substr(0, wanted.size() - qualified.size()) : wanted;
    for (const NameIndex::Addresses& found : places.names_on(own.network_id).find(wanted, unqualified)) {
      known = true;
      if (!found.ipv4.empty()) answer.ipv4.push_back(found.ipv4);
      if (!found.ipv6.empty()) answer.ipv6.push_back(found.ipv6);
    }
  }
  if (!known) return std::nullopt;
  // So that a name's containers share the clients. Not by counting: who always asks for two families, or for two names,
  // would get the same one for ever.
  static std::minstd_rand chance{std::random_device{}()};
  const std::size_t turn = chance();
  for (auto* addresses : {&answer.ipv4, &answer.ipv6}) {
    if (addresses->empty()) continue;
    const auto start = static_cast<std::ptrdiff_t>(turn % addresses->size());
    std::rotate(addresses->begin(), addresses->begin() + start, addresses->end());
  }
  return answer;
}

std::optional<std::string> Service::Impl::name_of(const std::string& container_id, const std::string& address) const {
  const auto asker = places.find(container_id);
  if (asker == places.end()) return std::nullopt;
  for (const Endpoint& own : asker->second.endpoints) {
    if (Service::predefined(own.network_name)) continue;
    std::string name = places.names_on(own.network_id).name_of(address);
    if (!name.empty()) return name;
  }
  return std::nullopt;
}

}  // namespace gantry::networks
