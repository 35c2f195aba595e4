#include "messages.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "docker_plugin/options.hpp"
#include "gantry/error.hpp"
#include "net_link/address.hpp"
#include "net_link/link.hpp"

namespace gantry::net_plugin {
namespace {

using docker_plugin::text_of;
using nlohmann::json;

constexpr int kConnected = 1;  // types.CONNECTED: a route without a gateway
constexpr std::size_t kMostRoutes = 1024;

json member(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found == object.end() ? json{} : *found;
}

[[noreturn]] void refuse(const std::string& what, const std::string& text) {
  throw Error{Errc::invalid, "the plugin's answer: invalid " + what + " \"" + text + "\""};
}

std::string with_prefix(const std::string& address, const std::string& subnet) {
  return address.empty() ? "" : address + subnet.substr(std::min(subnet.find('/'), subnet.size()));
}

json pool_message(const network::v1::Pool& pool) {
  json out = {{"AddressSpace", "LocalDefault"}, {"Pool", pool.subnet}};
  if (!pool.gateway.empty()) out["Gateway"] = with_prefix(pool.gateway, pool.subnet);
  json reserved = json::object();
  for (const auto& [name, address] : pool.reserved) reserved[name] = with_prefix(address, pool.subnet);
  out["AuxAddresses"] = reserved;
  return out;
}

int protocol_number(const std::string& name) {
  return name == "udp" ? IPPROTO_UDP : name == "sctp" ? IPPROTO_SCTP : IPPROTO_TCP;
}

void take_address(const json& interface, const char* name, int family, std::string& out) {
  const std::string text = text_of(interface, name);
  if (text.empty()) return;
  const auto cidr = net_link::parse_cidr(text);
  if (!cidr || cidr->address.family != family) refuse(name, text);
  if (!out.empty()) {
    throw Error{Errc::denied, "endpoint interface IP present (" + out + "). Cannot be modified with (" + text + ")."};
  }
  out = text;
}

std::string gateway(const json& answer, const char* name, int family) {
  const std::string text = text_of(answer, name);
  if (text.empty()) return {};
  const auto address = net_link::parse_address(text);
  if (!address || address->family != family) refuse(name, text);
  return text;
}

StaticRoute route_of(const json& item) {
  StaticRoute route{text_of(item, "Destination"), text_of(item, "NextHop")};
  const json type = member(item, "RouteType");
  if (!net_link::parse_cidr(route.destination)) refuse("Destination", route.destination);
  if (type.is_number_integer() && type.get<int>() == kConnected) route.next_hop.clear();
  if (!route.next_hop.empty() && !net_link::parse_address(route.next_hop)) refuse("NextHop", route.next_hop);
  return route;
}

void check_mac(const std::string& text) {
  const bool right = text.size() == 17 && std::all_of(text.begin(), text.end(), [&](const char& c) {
                       const auto at = &c - text.data();
                       return at % 3 == 2 ? c == ':' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
                     });
  if (!right) refuse("MacAddress", text);
}

}  // namespace

json create_network_message(const network::v1::NetworkSpec& spec, const NetworkRecord& record) {
  json ipv4 = json::array();
  json ipv6 = json::array();
  for (const auto& pool : record.pools) {
    (pool.subnet.find(':') == std::string::npos ? ipv4 : ipv6).push_back(pool_message(pool));
  }
  // What dockerd's IPAM driver "null" has.
  if (spec.unaddressed) ipv4.push_back({{"AddressSpace", "null"}, {"Pool", "0.0.0.0/0"}});
  json options = {{"com.docker.network.generic", spec.options}, {"com.docker.network.enable_ipv6", spec.ipv6}};
  if (spec.internal) options["com.docker.network.internal"] = true;
  return {{"NetworkID", spec.id}, {"Options", options}, {"IPv4Data", ipv4}, {"IPv6Data", ipv6}};
}

json endpoint_options(const network::v1::EndpointSpec& spec) {
  json options = json::object();
  for (const auto& [name, value] : spec.options) options[name] = value;
  json exposed = json::array();
  json bound = json::array();
  for (const auto& port : spec.ports) {
    const int protocol = protocol_number(port.protocol);
    const int end = port.host_port_end == 0 ? port.host_port : port.host_port_end;
    exposed.push_back({{"Proto", protocol}, {"Port", port.container_port}});
    bound.push_back({{"Proto", protocol},
                     {"IP", ""},
                     {"Port", port.container_port},
                     {"HostIP", port.host_ip},
                     {"HostPort", port.host_port},
                     {"HostPortEnd", end}});
  }
  options["com.docker.network.endpoint.exposedports"] = exposed;
  options["com.docker.network.portmap"] = bound;
  return options;
}

json create_endpoint_message(const network::v1::EndpointSpec& spec, const EndpointRecord& record) {
  json out = endpoint_ids(record);
  out["Interface"] = {{"Address", record.ipv4}, {"AddressIPv6", record.ipv6}, {"MacAddress", record.mac}};
  out["Options"] = endpoint_options(spec);
  return out;
}

json endpoint_ids(const EndpointRecord& record) {
  return {{"NetworkID", record.network_id}, {"EndpointID", record.id}};
}

void take_endpoint(const json& answer, EndpointRecord& record) {
  const json interface = member(answer, "Interface");
  if (!interface.is_object()) return;
  const std::string mac = text_of(interface, "MacAddress");
  if (!mac.empty()) {
    check_mac(mac);
    if (!record.mac.empty()) {
      throw Error{Errc::denied, "endpoint interface MAC address present (" + record.mac +
                                    "). Cannot be modified with (" + mac + ")."};
    }
    record.mac = mac;
  }
  take_address(interface, "Address", AF_INET, record.ipv4);
  take_address(interface, "AddressIPv6", AF_INET6, record.ipv6);
}

JoinAnswer take_join(const json& answer, EndpointRecord& record) {
  const json name = member(answer, "InterfaceName");
  JoinAnswer out{text_of(name, "SrcName"), text_of(name, "DstPrefix")};
  if (!out.source.empty()) net_link::check_interface(out.source);
  if (!out.prefix.empty()) net_link::check_interface(out.prefix + "000");
  record.gateway4 = gateway(answer, "Gateway", AF_INET);
  record.gateway6 = gateway(answer, "GatewayIPv6", AF_INET6);
  const json routes = member(answer, "StaticRoutes");
  if (routes.is_array() && routes.size() > kMostRoutes) refuse("StaticRoutes", std::to_string(routes.size()));
  record.routes.clear();
  if (routes.is_array()) {
    for (const json& item : routes) record.routes.push_back(route_of(item));
  }
  return out;
}

std::string mac_of(const json& answer) {
  const std::string text = text_of(member(answer, "Value"), "com.docker.network.endpoint.macaddress");
  if (!text.empty()) check_mac(text);
  return text;
}

void check_capabilities(const json& answer) {
  const std::string scope = text_of(answer, "Scope");
  if (scope == "local" || scope == "global") return;
  throw Error{Errc::invalid, "invalid capability: expecting 'local' or 'global', got " + scope};
}

}  // namespace gantry::net_plugin
