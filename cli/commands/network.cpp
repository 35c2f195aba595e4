#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/each.hpp"
#include "commands/list_flags.hpp"
#include "format/go_value.hpp"
#include "format/template.hpp"
#include "format/units.hpp"
#include "parse/network.hpp"
#include "parse/pairs.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

const ColumnHeads kNetworkHeads{{"ID", "NETWORK ID"},     {"Name", "NAME"},     {"Driver", "DRIVER"},
                                {"Scope", "SCOPE"},       {"IPv4", "IPV4"},     {"IPv6", "IPV6"},
                                {"Internal", "INTERNAL"}, {"Labels", "LABELS"}, {"CreatedAt", "CREATED AT"}};

std::string bool_text(const Json& network, const char* key) { return network.value(key, false) ? "true" : "false"; }

Json network_row(const Json& network, bool truncate) {
  const Json labels = network.contains("Labels") && network["Labels"].is_object() ? network["Labels"] : Json::object();
  const std::string id = network.value("Id", "");
  std::string created = network.value("Created", "");
  if (created.size() > 20) {
    const bool utc = created.back() == 'Z';
    created = created.substr(0, 10) + " " + created.substr(11, created.size() - (utc ? 12 : 17)) +
              (utc ? " +0000 UTC" : " " + created.substr(created.size() - 6));
  }
  Json row = Json::object();
  row["CreatedAt"] = created;
  row["Driver"] = network.value("Driver", "");
  row["ID"] = truncate ? short_id(id) : id;
  row["IPv4"] = bool_text(network, "EnableIPv4");
  row["IPv6"] = bool_text(network, "EnableIPv6");
  row["Internal"] = bool_text(network, "Internal");
  row["Labels"] = joined_labels(labels);
  row["Name"] = network.value("Name", "");
  row["Scope"] = network.value("Scope", "");
  row[std::string(kRowLabels)] = labels;
  return row;
}

struct Addresses {
  std::vector<std::string> subnets;
  std::vector<std::string> ranges;
  std::vector<std::string> gateways;
  std::vector<std::string> auxiliary;
};

// Whether "10.1.2.3" (or "10.1.2.0/24") begins as "10.1.0.0/16" does; no for what is no address.
bool is_within(const std::string& subnet, const std::string& address) {
  const auto slash = cut(subnet, '/');
  const auto other = cut(address, '/');
  const std::string base = slash ? slash->first : subnet;
  const int family = base.find(':') == std::string::npos ? AF_INET : AF_INET6;
  std::array<unsigned char, 16> net{};
  std::array<unsigned char, 16> bytes{};
  if (::inet_pton(family, base.c_str(), net.data()) != 1) return false;
  if (::inet_pton(family, (other ? other->first : address).c_str(), bytes.data()) != 1) return false;
  const int most = family == AF_INET ? 32 : 128;
  const int bits = slash ? std::clamp(std::atoi(slash->second.c_str()), 0, most) : most;
  for (int bit = 0; bit < bits; bit += 8) {
    const auto mask = static_cast<unsigned char>(0xff << (8 - std::min(8, bits - bit)));
    const auto at = static_cast<std::size_t>(bit / 8);
    if (((net.at(at) ^ bytes.at(at)) & mask) != 0) return false;
  }
  return true;
}

Json pool(const std::string& subnet, const Addresses& addresses, std::vector<bool>& used) {
  Json config = Json::object();
  if (!subnet.empty()) config["Subnet"] = subnet;
  const auto take = [&](const std::vector<std::string>& values, const char* key, std::size_t base) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (used[base + i] || config.contains(key) || (!subnet.empty() && !is_within(subnet, values[i]))) continue;
      config[key] = values[i];
      used[base + i] = true;
    }
  };
  take(addresses.ranges, "IPRange", 0);
  take(addresses.gateways, "Gateway", addresses.ranges.size());
  for (const std::string& text : addresses.auxiliary) {
    const auto pair = cut(text, '=');  // it has been looked at before
    if (subnet.empty() || is_within(subnet, pair->second)) config["AuxiliaryAddresses"][pair->first] = pair->second;
  }
  return config;
}

Json pools(const Addresses& addresses) {
  for (std::size_t i = 0; i < addresses.subnets.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const std::string& first = addresses.subnets[j];
      const std::string& second = addresses.subnets[i];
      if (!is_within(first, second) && !is_within(second, first)) continue;
      throw Failure("multiple overlapping subnet configuration is not supported");
    }
  }
  if (addresses.subnets.size() < addresses.ranges.size() || addresses.subnets.size() < addresses.gateways.size()) {
    throw Failure("every ip-range or gateway must have a corresponding subnet");
  }
  Json configs = Json::array();
  for (const std::string& text : addresses.auxiliary) {
    const auto pair = cut(text, '=');
    const std::string address = pair ? pair->second : "";
    const auto holds = [&](const std::string& subnet) { return !address.empty() && is_within(subnet, address); };
    if (std::none_of(addresses.subnets.begin(), addresses.subnets.end(), holds)) {
      throw Failure("no matching subnet for aux-address " + address);
    }
  }
  std::vector<bool> used(addresses.ranges.size() + addresses.gateways.size(), false);
  for (const std::string& subnet : addresses.subnets) configs.push_back(pool(subnet, addresses, used));
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i]) continue;
    if (i < addresses.ranges.size()) throw Failure("no matching subnet for range " + addresses.ranges[i]);
    throw Failure("no matching subnet for gateway " + addresses.gateways[i - addresses.ranges.size()]);
  }
  return configs;
}

}  // namespace

int network_create(Context& context) {
  bool attachable = false;
  bool config_only = false;
  bool ingress = false;
  bool internal = false;
  bool ipv4 = true;
  bool ipv6 = false;
  std::string config_from;
  std::string driver = "bridge";
  std::string ipam_driver = "default";
  std::string scope;
  std::vector<std::string> labels;
  std::vector<std::string> options;
  std::vector<std::string> ipam_options;
  Addresses addresses;
  Flags flags;
  flags.toggle("attachable", attachable, "Enable manual container attachment")
      .list("aux-address", addresses.auxiliary, "Auxiliary IPv4 or IPv6 addresses used by Network driver", "map")
      .text("config-from", config_from, "The network from which to copy the configuration")
      .toggle("config-only", config_only, "Create a configuration only network")
      .text("driver,d", driver, "Driver to manage the Network")
      .commas("gateway", addresses.gateways, "IPv4 or IPv6 Gateway for the master subnet")
      .toggle("ingress", ingress, "Create swarm routing-mesh network")
      .toggle("internal", internal, "Restrict external access to the network")
      .commas("ip-range", addresses.ranges, "Allocate container ip from a sub-range")
      .text("ipam-driver", ipam_driver, "IP Address Management Driver")
      .list("ipam-opt", ipam_options, "Set IPAM driver specific options", "map")
      .toggle("ipv4", ipv4, "Enable or disable IPv4 address assignment")
      .toggle("ipv6", ipv6, "Enable or disable IPv6 address assignment")
      .custom("label", "list", "Set metadata on a network",
              [&](const std::string& text) { labels.push_back(checked_label(text)); })
      .list("opt,o", options, "Set driver specific options", "map")
      .text("scope", scope, "Control the network's scope")
      .commas("subnet", addresses.subnets, "Subnet in CIDR format that represents a network segment");
  const auto names = context.parse(flags, Arity::exactly(1));
  Json body = {
      {"Name", names[0]},
      {"Driver", driver},
      {"Scope", scope},
      {"Internal", internal},
      {"Attachable", attachable},
      {"Ingress", ingress},
      {"ConfigOnly", config_only},
      {"ConfigFrom", nullptr},
      {"IPAM", {{"Driver", ipam_driver}, {"Options", object_of_pairs(ipam_options)}, {"Config", pools(addresses)}}},
      {"Options", object_of_pairs(options)},
      {"Labels", object_of_pairs(labels)}};
  if (!config_from.empty()) body["ConfigFrom"] = {{"Network", config_from}};
  if (flags.given("ipv4")) body["EnableIPv4"] = ipv4;
  if (flags.given("ipv6")) body["EnableIPv6"] = ipv6;
  const Json answer = context.client().post("/networks/create", body);
  if (const std::string warning = answer.value("Warning", ""); !warning.empty()) {
    std::fprintf(stderr, "WARNING: %s\n", warning.c_str());
  }
  std::printf("%s\n", answer.value("Id", "").c_str());
  return 0;
}

int network_ls(Context& context) {
  bool full = false;
  bool quiet = false;
  ListFlags list;
  Flags flags;
  flags.toggle("no-trunc", full, "Do not truncate the output").toggle("quiet,q", quiet, "Only display network IDs");
  list.declare_filter(flags, "Provide filter values (e.g. \"driver=bridge\")");
  list.declare_format(flags);
  context.parse(flags, Arity::none());
  if (list.format.empty() && !quiet) list.format = context.config().text("networksFormat");
  Query query;
  list.add_filters(query);
  const Json networks = context.client().get("/networks" + query.text());
  std::vector<Json> rows;
  for (const Json& network : networks) rows.push_back(network_row(network, !full));
  std::sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) { return a["Name"] < b["Name"]; });
  list.print({list.format, "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}", kNetworkHeads, "*network.networkContext",
              "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n", "network_id: {{.ID}}"},
             rows, quiet, "{{.ID}}");
  return 0;
}

int network_rm(Context& context) {
  bool force = false;
  Flags flags;
  flags.toggle("force,f", force, "Do not error if the network does not exist");
  const auto names = context.parse(flags, Arity::at_least(1));
  int code = 0;
  for (const std::string& name : names) {
    try {
      context.client().call("DELETE", "/networks/" + escaped(name));
      std::printf("%s\n", name.c_str());
      std::fflush(stdout);
    } catch (const DaemonError& error) {
      if (force && error.status() == 404) continue;
      std::fprintf(stderr, "%s\n", error.what());
      code = 1;
    }
  }
  if (code != 0) std::fprintf(stderr, "exit status 1\n");
  return code;
}

int network_connect(Context& context) {
  std::string ip;
  std::string ip6;
  std::int64_t priority = 0;
  std::vector<std::string> aliases;
  std::vector<std::string> options;
  std::vector<std::string> links;
  std::vector<std::string> link_local;
  Flags flags;
  flags.commas("alias", aliases, "Add network-scoped alias for the container")
      .commas("driver-opt", options, "driver options for the network")
      .integer("gw-priority", priority,
               "Highest gw-priority provides the default gateway. Accepts positive and negative values.")
      .text("ip", ip, "IPv4 address (e.g., \"172.30.100.104\")")
      .text("ip6", ip6, "IPv6 address (e.g., \"2001:db8::33\")")
      .custom("link", "list", "Add link to another container",
              [&](const std::string& text) { links.push_back(parse_link(text)); })
      .commas("link-local-ip", link_local, "Add a link-local address for the container");
  const auto names = context.parse(flags, Arity::exactly(2));
  Json endpoint = Json::object();
  Json ipam = Json::object();
  if (!ip.empty()) ipam["IPv4Address"] = ip;
  if (!ip6.empty()) ipam["IPv6Address"] = ip6;
  if (!link_local.empty()) ipam["LinkLocalIPs"] = link_local;
  if (!ipam.empty()) endpoint["IPAMConfig"] = ipam;
  if (!links.empty()) endpoint["Links"] = links;
  if (!aliases.empty()) endpoint["Aliases"] = aliases;
  for (const std::string& option : options) {
    if (!cut(option, '=')) throw Failure("invalid key/value pair format in driver options");
  }
  endpoint["DriverOpts"] = object_of_pairs(options);
  if (priority != 0) endpoint["GwPriority"] = priority;
  context.client().post("/networks/" + escaped(names[0]) + "/connect",
                        Json{{"Container", names[1]}, {"EndpointConfig", endpoint}});
  return 0;
}

int network_disconnect(Context& context) {
  bool force = false;
  Flags flags;
  flags.toggle("force,f", force, "Force the container to disconnect from a network");
  const auto names = context.parse(flags, Arity::exactly(2));
  context.client().post("/networks/" + escaped(names[0]) + "/disconnect",
                        Json{{"Container", names[1]}, {"Force", force}});
  return 0;
}

}  // namespace gantry::cli
