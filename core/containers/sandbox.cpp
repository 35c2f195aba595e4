#include <fcntl.h>

#include <algorithm>
#include <array>

#include "base/file.hpp"
#include "containers/defaults.hpp"
#include "containers/impl.hpp"
#include "containers/init_process.hpp"
#include "containers/links.hpp"
#include "containers/ports.hpp"
#include "networks/sandbox_files.hpp"

namespace gantry::containers {

namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr const char* kResolvedConf = "/run/systemd/resolve/resolv.conf";

/// `inside`: for containers, who cannot ask at the host's loopback. A host with systemd-resolved has its real servers
/// elsewhere.
void read_host_file(networks::ResolvConfRequest& request, bool inside) {
  try {
    request.host_path = kResolvConf;
    request.host_file = read_file(kResolvConf);
    if (!inside || request.host_file.find("127.0.0.53") == std::string::npos) return;
    request.host_file = read_file(kResolvedConf);
    request.host_path = kResolvedConf;
  } catch (const Error&) {
    // It has none, and so no names.
  }
}

bool has_ipv6(const networks::Sandbox& sandbox) {
  return std::any_of(sandbox.endpoints.begin(), sandbox.endpoints.end(),
                     [](const networks::Endpoint& endpoint) { return !endpoint.result.ipv6.empty(); });
}

/// On the host's network the host's own names hold.
std::string host_hosts() {
  try {
    return read_file("/etc/hosts");
  } catch (const Error&) {
    return {};
  }
}

std::vector<std::string> addresses_of(const networks::Endpoint& endpoint) {
  std::vector<std::string> all;
  for (const std::string& address : {endpoint.result.ipv4, endpoint.result.ipv6}) {
    if (!address.empty()) all.push_back(address);
  }
  return all;
}

/// Without it (bridge: none) there is nothing to be linked by; as with dockerd that is no mistake.
bool has_default_network(const networks::Service& networks) {
  const auto all = networks.list();
  return std::any_of(all.begin(), all.end(), [](const auto& network) { return network->name == "bridge"; });
}

}  // namespace

networks::EndpointRequest endpoint_request(const std::string& network, const wire::EndpointSettings& settings) {
  networks::EndpointRequest request;
  request.network = network;
  request.aliases = settings.aliases.value_or(std::vector<std::string>{});
  request.links = settings.links.value_or(std::vector<std::string>{});
  if (settings.ipam) {
    request.ipv4 = settings.ipam->ipv4_address;
    request.ipv6 = settings.ipam->ipv6_address;
    request.link_local = settings.ipam->link_local_ips;
  }
  request.mac = settings.mac_address;
  if (settings.driver_opts) request.options = Options(settings.driver_opts->begin(), settings.driver_opts->end());
  request.gateway_priority = static_cast<int>(settings.gateway_priority);
  return request;
}

networks::SandboxRequest Service::Impl::sandbox_request(const Container& container) const {
  networks::SandboxRequest request;
  request.container_id = container.id;
  request.container_name = container.name;
  request.hostname = container.config.hostname;
  for (const auto& [network, asked] : container.endpoints) {
    request.endpoints.push_back(endpoint_request(network, asked));
    const auto last = container.last_endpoints.find(network);
    if (last != container.last_endpoints.end()) request.endpoints.back().network_id = last->second.network_id;
  }
  request.ports = published_ports(container.config, container.host_config);
  request.dns = container.host_config.dns.empty() ? settings.dns : container.host_config.dns;
  return request;
}

awaitable<networks::Sandbox> Service::Impl::join_networks(std::shared_ptr<const Container> container, std::int64_t pid,
                                                          std::uint64_t start_time) {
  networks::Sandbox sandbox;
  const std::string& mode = container->host_config.network_mode;
  if (joins_container(mode)) co_return sandbox;
  const UniqueFd netns = open_network(mode, pid, start_time);
  // The init has ended already: the runtime's start says why.
  if (!netns && (errno == ENOENT || errno == ESRCH)) co_return sandbox;
  if (!netns) throw_errno("cannot open the network namespace of container " + container->id);
  auto request = sandbox_request(*container);
  sandbox = co_await at.networks.attach(std::move(request), netns.get());
  co_return sandbox;
}

std::map<std::string, wire::EndpointSettings> Service::Impl::describe(const Container& container,
                                                                      const networks::Sandbox& sandbox) const {
  std::map<std::string, wire::EndpointSettings> described = container.endpoints;
  for (const auto& endpoint : sandbox.endpoints) {
    // The user may have named the network by its id.
    auto found = described.find(endpoint.request.network);
    if (found == described.end()) found = described.emplace(endpoint.network_name, wire::EndpointSettings{}).first;
    wire::EndpointSettings shown = found->second;
    shown.network_id = endpoint.network_id;
    shown.endpoint_id = endpoint.id;
    shown.mac_address = endpoint.result.mac;
    shown.ip_address = endpoint.result.ipv4;
    shown.ip_prefix_len = endpoint.result.ipv4_prefix;
    shown.gateway = endpoint.result.ipv4_gateway;
    shown.global_ipv6_address = endpoint.result.ipv6;
    shown.global_ipv6_prefix_len = endpoint.result.ipv6_prefix;
    shown.ipv6_gateway = endpoint.result.ipv6_gateway;
    if (!networks::Service::predefined(endpoint.network_name)) shown.dns_names = networks::names_on(endpoint);
    described.erase(found);
    described[endpoint.network_name] = std::move(shown);
  }
  return described;
}

std::string Service::Impl::resolv_conf(const Container& container, bool resolver, bool ipv6) const {
  const auto& host = container.host_config;
  networks::ResolvConfRequest resolv;
  resolv.resolver = resolver;
  resolv.on_host = host.network_mode == "host";
  resolv.ipv6 = ipv6;
  // The resolver asks from the host.
  read_host_file(resolv, !resolver && !resolv.on_host);
  resolv.dns = host.dns.empty() ? settings.dns : host.dns;
  resolv.search = host.dns_search.empty() ? settings.dns_search : host.dns_search;
  resolv.options = host.dns_options.empty() ? settings.dns_options : host.dns_options;
  return networks::resolv_conf(resolv);
}

std::vector<std::pair<std::string, Service::Snapshot>> Service::Impl::linked(const Container& container) const {
  std::vector<std::pair<std::string, Snapshot>> all;
  if (!container.endpoints.contains("bridge") || !has_default_network(at.networks)) return all;
  for (const std::string& text : container.host_config.links) {
    const Link link = parse_link(text);
    const auto other = is_known(link.target) ? find(link.target) : nullptr;
    if (other && !other->endpoints.contains("bridge")) {
      throw Error{Errc::invalid, "Cannot link to /" + other->name + ", as it does not belong to the default network"};
    }
  }
  for (const std::string& text : container.host_config.links) {
    const Link link = parse_link(text);
    auto other = is_known(link.target) ? find(link.target) : nullptr;
    if (!other || !is_alive(other->state)) {
      throw Error{Errc::conflict, "Cannot link to a non running container: /" + (other ? other->name : link.target) +
                                      " AS /" + container.name + "/" + link.alias};
    }
    if (bridge_address(*other).empty()) {
      throw Error{Errc::conflict, "container " + other->id + " not attached to default bridge network"};
    }
    all.emplace_back(link.alias, std::move(other));
  }
  return all;
}

std::vector<std::string> Service::Impl::host_gateways() const {
  if (!settings.host_gateways.empty()) return settings.host_gateways;
  std::vector<std::string> gateways;
  for (const auto& pool : at.networks.get("bridge")->chosen) {
    if (!pool.gateway.empty()) gateways.push_back(pool.gateway);
  }
  return gateways;
}

Service::Impl::SandboxFiles Service::Impl::sandbox_files(const Container& container,
                                                         const networks::Sandbox& sandbox) const {
  SandboxFiles files;
  files.folder = folder(container.id);
  const auto& host = container.host_config;
  if (joins_container(host.network_mode)) return files;
  files.hostname = container.config.hostname + "\n";

  networks::HostsRequest hosts;
  hosts.hostname = container.config.hostname;
  hosts.domainname = container.config.domainname;
  hosts.extra_hosts = host.extra_hosts;
  if (host.network_mode == "host") hosts.host_file = host_hosts();
  for (const auto& endpoint : sandbox.endpoints) {
    const auto first = endpoint.default_gateway ? hosts.addresses.begin() : hosts.addresses.end();
    const std::vector<std::string> own = addresses_of(endpoint);
    hosts.addresses.insert(first, own.begin(), own.end());
  }
  if (!hosts.extra_hosts.empty()) hosts.host_gateways = host_gateways();
  if (!sandbox.endpoints.empty()) {
    const auto others = linked(container);
    for (const auto& [alias, other] : others) hosts.link_lines.push_back(link_line(alias, *other));
  }
  files.hosts = networks::hosts_file(hosts);
  files.resolv_conf = resolv_conf(container, sandbox.resolver, has_ipv6(sandbox));
  return files;
}

// A start does not fail for what it cannot write into the files of others.
awaitable<void> Service::Impl::tell_linking(std::shared_ptr<const Container> container) {
  const std::string address = bridge_address(*container);
  if (address.empty()) co_return;
  std::vector<std::pair<std::string, std::string>> told;  // container, what it calls this one
  for (const auto& [id, other] : table.all()) {
    if (!is_alive(other->state) || !other->endpoints.contains("bridge")) continue;
    for (const std::string& text : other->host_config.links) {
      const Link link = parse_link(text);
      if (link.target == container->id || link.target == container->name) told.emplace_back(id, link.alias);
    }
  }
  for (const auto& [id, alias] : told) {
    if (!table.find(id)) continue;
    const auto its = live(id);
    const auto lock = co_await its->files.lock();
    const std::string file = folder(id) + "/hosts";
    const auto work = [&file, &alias = alias, &address] {
      write_file_in_place(file, with_link_address(read_file(file), alias, address));
    };
    try {
      co_await at.workers.run(Pool::quick, work);
    } catch (const Error& error) {
      tell_error(id, error);
    }
  }
}

awaitable<void> Service::Impl::update_sandbox_files(std::shared_ptr<const Container> container,
                                                    networks::Sandbox sandbox, networks::Endpoint joined,
                                                    networks::Endpoint left) {
  const auto its = live(container->id);
  const auto lock = co_await its->files.lock();
  const std::string place = folder(container->id);
  const std::string resolving = sandbox.resolver ? resolv_conf(*container, true, false) : "";
  const std::array before{resolv_conf(*container, false, false), resolv_conf(*container, false, true)};
  const auto& config = container->config;
  const auto work = [=] {
    std::string hosts = read_file(place + "/hosts");
    for (const std::string& address : addresses_of(left)) hosts = networks::without_address(hosts, address);
    for (const std::string& address : addresses_of(joined)) {
      hosts += networks::hosts_line(address, config.hostname, config.domainname);
    }
    write_file_in_place(place + "/hosts", hosts);
    // A file that the container has changed is its own.
    const bool untouched = std::count(before.begin(), before.end(), read_file(place + "/resolv.conf")) != 0;
    if (!resolving.empty() && untouched) {
      write_file_in_place(place + "/resolv.conf", resolving);
    }
  };
  co_await at.workers.run(Pool::quick, work);
}

void Service::Impl::write(const SandboxFiles& files) {
  if (files.hosts.empty()) return;
  write_file_in_place(files.folder + "/hosts", files.hosts);
  write_file_in_place(files.folder + "/hostname", files.hostname);
  write_file_in_place(files.folder + "/resolv.conf", files.resolv_conf);
}

}  // namespace gantry::containers
