#include "driver.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "gantry/error.hpp"
#include "net_link/address.hpp"
#include "net_link/link.hpp"

namespace gantry::dhcp {
namespace {

constexpr const char* kInterface = "dhcp_interface";
constexpr const char* kParent = "parent";
constexpr const char* kBridge = "com.docker.network.bridge.name";

constexpr int kServerPatience = 10'000;  // ms, with what there has to be a server for
constexpr int kShortPatience = 3'000;    // with what would be good to know

std::string option(const Options& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

/// Where the server is: the option's, or what the network itself stands on.
std::string interface_of(const ipam::v1::NetworkRequest& request) {
  for (const std::string& name : {option(request.options, kInterface), option(request.network_options, kParent),
                                  option(request.network_options, kBridge)}) {
    if (name.empty()) continue;
    net_link::check_interface(name);
    return name;
  }
  throw Error{Errc::invalid,
              "dhcp: no interface to ask for addresses: --ipam-opt dhcp_interface=NAME, or the network's own parent or "
              "bridge, says where the server is"};
}

network::v1::Pool only_pool(const ipam::v1::NetworkRequest& request) {
  if (request.ipv6 || !request.ipv4) throw Error{Errc::invalid, "dhcp: only IPv4 addresses are leased"};
  if (request.pools.size() > 1) throw Error{Errc::invalid, "dhcp: a network has one subnet, its server's"};
  network::v1::Pool pool = request.pools.empty() ? network::v1::Pool{} : request.pools.front();
  const auto subnet = net_link::parse_cidr(pool.subnet);
  if (!pool.subnet.empty() && (!subnet || subnet->subnet().text() != pool.subnet)) {
    throw Error{Errc::invalid, "dhcp: invalid subnet " + pool.subnet};
  }
  if (!pool.ip_range.empty()) throw Error{Errc::invalid, "dhcp: the server decides on the range of addresses"};
  return pool;
}

/// Somebody who only wants to know what the network is like.
Client stranger(const std::string& interface, const std::string& network_id) {
  Client client;
  client.interface = interface;
  client.mac = mac_of("02:" + network_id.substr(0, 2) + ":" + network_id.substr(2, 2) + ":" + network_id.substr(4, 2) +
                      ":" + network_id.substr(6, 2) + ":" + network_id.substr(8, 2))
                   .value_or(Mac{});
  return client;
}

/// Fills in what the user has left open.
void ask_server(const std::string& interface, const std::string& network_id, network::v1::Pool& pool,
                const Call& call) {
  const bool needed = pool.subnet.empty();
  std::optional<Lease> offer;
  try {
    offer = discover(stranger(interface, network_id), 0, needed ? kServerPatience : kShortPatience, call);
  } catch (const Error& error) {
    // A VLAN that the network's driver is still to make.
    if (needed || error.code() != Errc::not_found) throw;
  }
  if (!offer && needed) {
    throw Error{Errc::unavailable, "dhcp: no server answers at interface " + interface +
                                       "; without one, --subnet and --gateway are needed"};
  }
  if (!offer) return;
  if (needed)
    pool.subnet = net_link::parse_cidr(text_of(offer->address) + "/" + std::to_string(offer->prefix))->subnet().text();
  const auto router = net_link::parse_address(text_of(offer->router));
  if (offer->router != 0 && router && net_link::parse_cidr(pool.subnet)->subnet().contains(*router)) {
    pool.gateway = router->text();
  }
}

std::string hex_bytes(const std::string& id) {
  std::string out;
  for (std::size_t at = 0; at + 1 < std::min<std::size_t>(id.size(), 32); at += 2) {
    out += static_cast<char>(std::stoi(id.substr(at, 2), nullptr, 16));
  }
  return out;
}

/// Only what a server may put into the names of its network.
std::string hostname_of(const std::string& name) {
  std::string out;
  for (const char c : name) out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return out.substr(0, 63);
}

Client client_of(const ipam::v1::EndpointRequest& request, const std::string& interface) {
  Client client;
  client.interface = interface;
  client.hostname = hostname_of(request.container_name);
  const auto mac = mac_of(request.mac);
  if (!request.mac.empty() && !mac) throw Error{Errc::invalid, "invalid MAC address " + request.mac};
  if (mac) {
    client.mac = *mac;
    client.client_id = "\x01" + std::string(mac->begin(), mac->end());
    return client;
  }
  // Several share the parent's MAC address (RFC 4361: an IAID, and a DUID made of a UUID).
  client.client_id = "\xff" + hex_bytes(request.network_id).substr(0, 4) + std::string{"\x00\x04", 2} +
                     hex_bytes(request.container_id);
  return client;
}

}  // namespace

void Driver::capabilities(Capabilities& out) const { out.emplace_back("needs-mac"); }

void Driver::options(std::vector<OptionInfo>& out) const {
  out.push_back({kInterface, OptionType::text, OptionScope::object, "",
                 "the host's interface that the server is behind; of itself the network's parent or bridge"});
}

void Driver::open(Host& host) {
  records_.emplace(host.exec_dir());
  keeper_.emplace(host, *records_);
}

void Driver::acquire_pools(const ipam::v1::NetworkRequest& request, std::vector<network::v1::Pool>& out,
                           const Call& call) {
  net_link::check_id(request.id);
  if (const auto known = records_->network(request.id)) {
    out.push_back({known->subnet, "", known->gateway,
                   request.pools.empty() ? decltype(network::v1::Pool::reserved){} : request.pools.front().reserved});
    return;
  }
  network::v1::Pool pool = only_pool(request);
  const std::string interface = interface_of(request);
  if (pool.subnet.empty() || pool.gateway.empty()) ask_server(interface, request.id, pool, call);
  const auto subnet = net_link::parse_cidr(pool.subnet)->subnet();
  const auto gateway = net_link::parse_address(pool.gateway);
  if (!pool.gateway.empty() && (!gateway || !subnet.contains(*gateway))) {
    throw Error{Errc::invalid, "dhcp: gateway " + pool.gateway + " is not in " + pool.subnet};
  }
  records_->put(NetworkRecord{request.id, interface, pool.subnet, pool.gateway});
  out.push_back(std::move(pool));
}

void Driver::release_pools(const std::string& network_id, const Call& /*call*/) { records_->erase_network(network_id); }

void Driver::acquire_addresses(const ipam::v1::EndpointRequest& request, ipam::v1::Addresses& out, const Call& call) {
  net_link::check_id(request.id);
  const auto network = records_->network(request.network_id);
  if (!network) throw Error{Errc::not_found, "network " + request.network_id + " not found"};
  if (const auto known = keeper_->find(request.id)) {
    out.ipv4 = text_of(known->lease.address);
    return;
  }
  const auto wanted = address_of(request.ipv4);
  if (!request.ipv4.empty() && !wanted) throw Error{Errc::invalid, "invalid IPv4 address: " + request.ipv4};
  LeaseRecord record{request.id, request.network_id, client_of(request, network->interface), {}, now()};
  record.lease = acquire(record.client, wanted.value_or(0), call);
  const auto address = net_link::parse_address(text_of(record.lease.address));
  if (!net_link::parse_cidr(network->subnet)->subnet().contains(*address)) {
    release(record.client, record.lease);
    throw Error{Errc::denied, "dhcp: the server " + text_of(record.lease.server) + " gives " + address->text() +
                                  ", which is not in the network's subnet " + network->subnet};
  }
  records_->put(record);
  out.ipv4 = address->text();
  keeper_->add(std::move(record));
}

void Driver::release_addresses(const std::string& network_id, const std::string& endpoint_id, const Call& call) {
  if (const auto record = keeper_->take(endpoint_id)) {
    try {
      release(record->client, record->lease);
    } catch (const Error& error) {
      // The interface is gone, and the server behind it: the lease ends by itself.
      call.log(LogLevel::warning, error.what());
    }
  }
  records_->erase_lease(network_id, endpoint_id);
}

void Driver::list(ipam::v1::Holdings& out, const Call& /*call*/) {
  std::map<std::string, std::vector<std::string>> found;
  for (const std::string& id : records_->networks()) found[id];
  for (const LeaseRecord& record : records_->leases()) found[record.network_id].push_back(record.id);
  for (auto& [network_id, endpoints] : found) out.networks.push_back({network_id, std::move(endpoints)});
}

}  // namespace gantry::dhcp
