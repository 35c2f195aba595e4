#include "api/networks.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/member_order.hpp"

#include "base/go_bool.hpp"
#include "base/time.hpp"
#include "containers/filter_match.hpp"
#include "networks/ipam_status.hpp"
#include "wire/network.hpp"
#include "wire/network_peer.hpp"

namespace gantry::api {
namespace {

using Filters = std::map<std::string, std::vector<std::string>>;

wire::IpamConfig ipam_config(const network::v1::Pool& pool) {
  wire::IpamConfig config{pool.subnet, pool.ip_range, pool.gateway, {}};
  for (const auto& [name, address] : pool.reserved) config.auxiliary_addresses[name] = address;
  return config;
}

bool is_ipv6(const network::v1::Pool& pool) { return pool.subnet.find(':') != std::string::npos; }

/// The user's pools as he gave them, then those that were chosen for families that he left open, as dockerd shows them.
wire::Ipam ipam(const networks::Network& network) {
  wire::Ipam out;
  out.driver = network.ipam_driver;
  if (network.ipam_options) out.options = *network.ipam_options;
  if (network.pools.empty() && network.chosen.empty()) return out;
  out.config.emplace();
  const auto add = [&](const std::vector<network::v1::Pool>& pools) {
    for (const bool ipv6 : {false, true}) {
      for (const auto& pool : pools) {
        if (is_ipv6(pool) == ipv6) out.config->push_back(ipam_config(pool));
      }
    }
  };
  add(network.pools);
  std::vector<network::v1::Pool> left_open = network.chosen;
  std::erase_if(left_open, [&](const auto& pool) {
    return std::any_of(network.pools.begin(), network.pools.end(),
                       [&](const auto& given) { return is_ipv6(given) == is_ipv6(pool); });
  });
  add(left_open);
  return out;
}

wire::Network describe(const networks::Network& network) {
  wire::Network out;
  out.name = network.name;
  out.id = network.id;
  out.created = format_rfc3339(network.created);
  out.driver = network.driver;
  out.enable_ipv4 = network.ipv4;
  out.enable_ipv6 = network.ipv6;
  out.ipam = ipam(network);
  out.internal = network.internal;
  out.attachable = network.attachable;
  out.config_only = network.config_only;
  out.config_from = network.config_from;
  out.options = network.options;
  out.labels = network.labels;
  return out;
}

std::string with_prefix(const std::string& address, int prefix) {
  return address.empty() ? "" : address + "/" + std::to_string(prefix);
}

void add_containers(const networks::Service& service, wire::Network& network) {
  for (const auto& endpoint : service.members(network.id)) {
    network.containers[endpoint.container_id] = {endpoint.container_name, endpoint.id, endpoint.result.mac,
                                                 with_prefix(endpoint.result.ipv4, endpoint.result.ipv4_prefix),
                                                 with_prefix(endpoint.result.ipv6, endpoint.result.ipv6_prefix)};
  }
}

void add_status(const networks::Service& service, const networks::Network& from, wire::Network& network) {
  network.ipam_status.emplace();
  for (const auto& status : networks::ipam_status(from, service.members(from.id))) {
    (*network.ipam_status)[status.subnet] = {status.in_use, status.available};
  }
}

bool matches_label(const networks::Network& network, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto found = network.labels.find(wanted.substr(0, equals));
  if (found == network.labels.end()) return false;
  return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

void check_names(const Filters& filters, const std::vector<std::string>& known) {
  for (const auto& [name, values] : filters) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error{Errc::invalid, "invalid filter" + (name.empty() ? "" : " '" + name + "'")};
    }
  }
}

bool read_flag(const std::string& name, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  throw Error{Errc::invalid,
              "invalid value for filter '" + name + "', must be \"true\" (or \"1\"), or \"false\" (or \"0\")"};
}

bool matches_type(const networks::Network& network, const std::string& value) {
  if (value != "custom" && value != "builtin") throw Error{Errc::invalid, "invalid filter: 'type'='" + value + "'"};
  return networks::Service::predefined(network.name) == (value == "builtin");
}

bool matches_one(const networks::Service& service, const networks::Network& network, const std::string& name,
                 const std::string& value) {
  if (name == "driver") return network.driver == value;
  if (name == "id") return network.id.find(value) != std::string::npos;
  if (name == "name") return containers::matches_text(value, network.name);
  if (name == "scope") return value == "local";
  if (name == "type") return matches_type(network, value);
  if (name == "dangling") {
    const bool dangling = !networks::Service::predefined(network.name) && service.members(network.id).empty();
    return dangling == read_flag(name, value);
  }
  return false;
}

bool matches(const networks::Service& service, const networks::Network& network, const Filters& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const auto& filter) {
    const auto& [name, values] = filter;
    const auto label = [&](const std::string& value) { return matches_label(network, value); };
    if (name == "label") return std::all_of(values.begin(), values.end(), label);
    return std::any_of(values.begin(), values.end(), [&, &name = name](const std::string& value) {
      return matches_one(service, network, name, value);
    });
  });
}

bool prunable(const networks::Network& network, const Filters& filters) {
  for (const auto& [name, values] : filters) {
    for (const std::string& value : values) {
      if (name == "label" && !matches_label(network, value)) return false;
      if (name == "label!" && matches_label(network, value)) return false;
      if (name == "until" && network.created > containers::parse_time(value)) return false;
    }
  }
  return true;
}

networks::NetworkRequest network_request(const wire::NetworkCreateRequest& asked) {
  networks::NetworkRequest out;
  out.name = asked.name;
  out.driver = asked.driver;
  out.options = asked.options;
  out.labels = asked.labels;
  out.internal = asked.internal;
  out.attachable = asked.attachable;
  out.ipv4 = asked.enable_ipv4.value_or(true);
  out.ipv6 = asked.enable_ipv6.value_or(false);
  out.ipam_driver = asked.ipam.driver;
  out.ipam_options = asked.ipam.options;
  out.config_only = asked.config_only;
  out.config_from = asked.config_from;
  if (asked.ipam.config) {
    for (const auto& config : *asked.ipam.config) {
      network::v1::Pool pool{config.subnet, config.ip_range, config.gateway, {}};
      for (const auto& reserved : config.auxiliary_addresses) pool.reserved.emplace_back(reserved);
      out.pools.push_back(std::move(pool));
    }
  }
  if (asked.ingress) throw Error{Errc::denied, "Ingress network can only be global scope network"};
  if (asked.scope == "swarm") {
    throw Error{Errc::denied, "cannot create a swarm scoped network when swarm is not active"};
  }
  return out;
}

void check_verbose(const std::string& text) {
  if (text.empty() || parse_go_bool(text)) return;
  throw Error{Errc::invalid,
              "invalid value for verbose: " + text + ": strconv.ParseBool: parsing \"" + text + "\": invalid syntax"};
}

/// Errors: invalid.
wire::NetworkPeer peer_of(const nlohmann::json& body) {
  wire::NetworkPeer peer;
  if (!body.is_null()) wire::from_json(body, peer);
  return peer;
}

}  // namespace

Networks::Networks(networks::Service& service, events::Bus& bus, NetworkPeers peers)
    : service_(service), bus_(bus), peers_(std::move(peers)) {}

void Networks::add_routes(Router& router) {
  router.add("GET", "/networks", [this](Exchange& exchange) { return get_list(exchange); });
  router.add("POST", "/networks/create", [this](Exchange& exchange) { return post_create(exchange); });
  router.add("POST", "/networks/prune", [this](Exchange& exchange) { return post_prune(exchange); });
  router.add("GET", "/networks/{id:*}", [this](Exchange& exchange) { return get_network(exchange); });
  router.add("DELETE", "/networks/{id:*}", [this](Exchange& exchange) { return delete_network(exchange); });
  router.add("POST", "/networks/{id:*}/connect", [this](Exchange& exchange) { return post_connect(exchange); });
  router.add("POST", "/networks/{id:*}/disconnect", [this](Exchange& exchange) { return post_disconnect(exchange); });
}

awaitable<Response> Networks::get_list(Exchange& exchange) {
  const Filters filters = exchange.request().filters();
  check_names(filters, {"dangling", "driver", "id", "label", "name", "scope", "type"});
  if (const auto dangling = filters.find("dangling"); dangling != filters.end() && dangling->second.size() > 1) {
    throw Error{Errc::invalid, "got more than one value for filter key \"dangling\""};
  }
  nlohmann::json out = nlohmann::json::array();
  for (const auto& network : service_.list()) {
    if (matches(service_, *network, filters)) out.push_back(describe(*network));
  }
  co_return json_in_order(out, kNetworkOrder);
}

awaitable<Response> Networks::get_network(Exchange& exchange) {
  const std::string scope = exchange.request().get("scope");
  const std::string& name = exchange.request().parameter("id");
  check_verbose(exchange.request().get("verbose"));
  if (!scope.empty() && scope != "local") throw Error{Errc::not_found, "network " + name + " not found"};
  const auto found = service_.get(name);
  wire::Network network = describe(*found);
  add_containers(service_, network);
  const bool is_known = exchange.request().version >= Version{1, 52};
  if (is_known || exchange.request().flag("verbose")) add_status(service_, *found, network);
  co_return json_in_order(network, kNetworkOrder);
}

awaitable<Response> Networks::post_create(Exchange& exchange) {
  const nlohmann::json body = co_await exchange.body_json();
  wire::NetworkCreateRequest asked;
  if (!body.is_null()) wire::from_json(body, asked);
  networks::NetworkRequest request = network_request(asked);
  const auto network = co_await service_.create(std::move(request));
  co_return Response::json({{"Id", network->id}, {"Warning", ""}}, 201);
}

awaitable<Response> Networks::post_connect(Exchange& exchange) {
  const nlohmann::json body = co_await exchange.body_json();
  wire::EndpointSettings settings;
  if (body.is_object() && body.contains("EndpointConfig") && !body["EndpointConfig"].is_null()) {
    wire::from_json(body["EndpointConfig"], settings);
  }
  std::string container = peer_of(body).container;
  std::string network = exchange.request().parameter("id");
  co_await peers_.connect(std::move(container), std::move(network), std::move(settings));
  co_return Response{};
}

awaitable<Response> Networks::post_disconnect(Exchange& exchange) {
  const nlohmann::json body = co_await exchange.body_json();
  const wire::NetworkPeer asked = peer_of(body);
  const bool force = asked.force;
  std::string container = asked.container;
  std::string network = exchange.request().parameter("id");
  co_await peers_.disconnect(std::move(container), std::move(network), force);
  co_return Response{};
}

awaitable<Response> Networks::post_prune(Exchange& exchange) {
  const Filters filters = exchange.request().filters();
  check_names(filters, {"label", "label!", "until"});
  if (const auto until = filters.find("until"); until != filters.end()) {
    if (until->second.size() > 1) throw Error{Errc::invalid, "more than one until filter specified"};
    for (const std::string& value : until->second) (void)containers::parse_time(value);
  }
  std::function<bool(const networks::Network&)> wanted = [&filters](const networks::Network& network) {
    return prunable(network, filters);
  };
  const std::vector<std::string> removed = co_await service_.prune(std::move(wanted));
  events::Event event;
  event.type = "network";
  event.action = "prune";
  event.attributes = {{"reclaimed", "0"}};
  bus_.publish(std::move(event));
  nlohmann::json names = nullptr;
  if (!removed.empty()) names = removed;
  co_return Response::json({{"NetworksDeleted", names}});
}

awaitable<Response> Networks::delete_network(Exchange& exchange) {
  std::string name = exchange.request().parameter("id");
  co_await service_.remove(std::move(name));
  co_return Response::no_content();
}

}  // namespace gantry::api
