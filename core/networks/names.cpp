#include <algorithm>
#include <cctype>

#include "base/file.hpp"
#include "networks/impl.hpp"
#include "networks/sandbox_files.hpp"

/// What containers are called on user-defined networks.
namespace gantry::networks {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Where the resolver asks for what it does not know.
std::vector<std::string> upstream(const std::vector<std::string>& asked) {
  if (!asked.empty()) return asked;
  try {
    return parse_resolv_conf(read_file("/etc/resolv.conf", std::size_t{64} << 10)).servers;
  } catch (const Error&) {
    return {};  // a host without it has no names
  }
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

bool is_called(const Endpoint& endpoint, const std::string& name) {
  const std::vector<std::string> names = names_on(endpoint);
  return std::any_of(names.begin(), names.end(), [&](const std::string& known) { return lower(known) == name; });
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

bool Service::Impl::needs_resolver(const Place& place) const {
  return std::any_of(place.endpoints.begin(), place.endpoints.end(), [](const Endpoint& endpoint) {
    return !endpoint.interface.empty() && !Service::predefined(endpoint.network_name);
  });
}

bool Service::Impl::has_way_out(const Place& place) {
  return std::any_of(place.endpoints.begin(), place.endpoints.end(),
                     [](const Endpoint& endpoint) { return endpoint.default_gateway; });
}

awaitable<void> Service::Impl::start_resolver(std::string container_id) {
  if (places.at(container_id).resolver || !needs_resolver(places.at(container_id))) co_return;
  const SharedFd netns = places.at(container_id).netns;
  const auto open = [this, netns] { return open_resolver(namespaces, netns->get()); };
  ResolverSockets sockets = co_await workers.run(Pool::quick, open);
  NameSource names;
  names.forward = [this, container_id](const std::string& name) { return resolve(container_id, name); };
  names.reverse = [this, container_id](const std::string& address) { return name_of(container_id, address); };
  // A question is a way out as well (CVE-2024-29018): whoever has no other has not this one.
  names.outside = [this, container_id] {
    const auto asker = places.find(container_id);
    return asker != places.end() && has_way_out(asker->second);
  };
  const auto executor = co_await asio::this_coro::executor;
  const auto found = places.find(container_id);
  if (found == places.end()) co_return;
  found->second.resolver =
      std::make_unique<Resolver>(executor, std::move(sockets), std::move(names), upstream(found->second.dns));
}

std::optional<NameAnswer> Service::Impl::resolve(const std::string& container_id, const std::string& name) {
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
    for (const auto& [id, place] : places) {
      for (const Endpoint& other : place.endpoints) {
        if (other.network_id != own.network_id) continue;
        if (!is_called(other, wanted) && !is_called(other, unqualified)) continue;
        known = true;
        if (!other.result.ipv4.empty()) answer.ipv4.push_back(other.result.ipv4);
        if (!other.result.ipv6.empty()) answer.ipv6.push_back(other.result.ipv6);
      }
    }
  }
  if (!known) return std::nullopt;
  // In turn, so that a name's containers share the clients.
  const auto turn = static_cast<std::ptrdiff_t>(asker->second.questions++);
  for (auto* addresses : {&answer.ipv4, &answer.ipv6}) {
    if (addresses->empty()) continue;
    const auto start = turn % static_cast<std::ptrdiff_t>(addresses->size());
    std::rotate(addresses->begin(), addresses->begin() + start, addresses->end());
  }
  return answer;
}

std::optional<std::string> Service::Impl::name_of(const std::string& container_id, const std::string& address) const {
  const auto asker = places.find(container_id);
  if (asker == places.end()) return std::nullopt;
  for (const Endpoint& own : asker->second.endpoints) {
    if (Service::predefined(own.network_name)) continue;
    for (const auto& [id, place] : places) {
      for (const Endpoint& other : place.endpoints) {
        const bool same = other.network_id == own.network_id;
        if (same && (other.result.ipv4 == address || other.result.ipv6 == address)) {
          return other.container_name + "." + other.network_name;
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace gantry::networks
