#include "driver.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "gantry/error.hpp"
#include "net_link/link.hpp"
#include "net_link/scope_exit.hpp"
#include "sandbox.hpp"

namespace gantry::bridge {

namespace {

constexpr const char* kOurTable = "gantry";
constexpr const char* kDefaultName = "gantry0";  // of the default network, unless the daemon names another

/// The host's end of an endpoint's pair.
std::string interface_of(const std::string& endpoint_id) { return "veth" + endpoint_id.substr(0, 11); }

}  // namespace

using network::v1::Endpoint;
using network::v1::EndpointSpec;
using network::v1::Holdings;
using network::v1::NetworkSpec;

void Driver::capabilities(Capabilities& out) const { out = {"port-publish", "nftables"}; }

void Driver::options(std::vector<OptionInfo>& out) const { out = known_options(); }

void Driver::open(Host& host) {
  settings_ = parse_settings(host.options());
  host_ = &host;
  records_.emplace(host.exec_dir());
  if (settings_.rules) nftables_.emplace();
  if (!settings_.rules) {
    Nftables().run(remove_base_rules());
    host.log(LogLevel::warning, "iptables is off: published ports and the way out are left to the host's own rules");
  }
  namespaces_.emplace();
  reaper_.emplace();
}

Driver::NetworkPtr Driver::find(const std::string& network_id) {
  const std::lock_guard lock(mutex_);
  const auto found = networks_.find(network_id);
  return found == networks_.end() ? nullptr : found->second;
}

void Driver::create_network(const NetworkSpec& spec, network::v1::Network& out, const Call& /*call*/) {
  check_id(spec.id);
  const std::lock_guard creation(creation_);
  NetworkPtr network = find(spec.id);
  if (!network) {
    network = make_network(spec);
    const std::lock_guard lock(mutex_);
    networks_[spec.id] = network;
  }
  out.pools = network->plan().pools();
  out.interface = network->options().interface;
}

/// A bridge of the user's that has an IPv4 address is its network's gateway.
std::vector<network::v1::Pool> Driver::pools_of(int bridge) {
  Netlink netlink;
  std::optional<Cidr> best;
  for (const Address& address : netlink.addresses(bridge)) {
    for (const Subnet& subnet : netlink.used_subnets()) {
      const bool fits =
          address.family == AF_INET && subnet.contains(address) && subnet.prefix > 0 && subnet.prefix < 32;
      if (fits && (!best || subnet.prefix > best->prefix)) best = Cidr{address, subnet.prefix};
    }
  }
  if (!best) return {};
  return {{best->subnet().text(), "", best->address.text(), {}}};
}

Driver::NetworkPtr Driver::make_network(const NetworkSpec& spec) {
  const NetworkOptions options = parse_options(spec, settings_);
  check_interface_is_free(spec, options.interface);
  const auto before = records_->network(spec.id);
  const auto bridge = Netlink().find(options.interface);
  NetworkSpec known = spec;
  const bool same = before && before->interface == options.interface;
  if (known.pools.empty() && same) known.pools = before->pools;
  if (known.pools.empty() && !same && bridge && options.default_bridge) known.pools = pools_of(bridge->index);
  auto network = std::make_shared<Network>(
      spec, options, plan_addresses(known, options, settings_, used_subnets(spec, bridge ? bridge->index : 0)),
      settings_);
  make_bridge(*network, before);
  return network;
}

void Driver::check_interface_is_free(const NetworkSpec& spec, const std::string& interface) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, other] : networks_) {
    if (other->options().interface != interface) continue;
    throw Error{Errc::denied, "cannot create network " + spec.id + " (" + interface + "): conflicts with network " +
                                  id + " (" + interface + "): networks have same bridge name"};
  }
}

UsedSubnets Driver::used_subnets(const NetworkSpec& spec, int except) {
  UsedSubnets used;
  for (const std::string& text : spec.taken) {
    if (const auto cidr = parse_cidr(text)) used.networks.push_back(cidr->subnet());
  }
  used.host = [except] { return Netlink().used_subnets(except); };
  const std::lock_guard lock(mutex_);
  for (const auto& [id, other] : networks_) {
    if (other->plan().ipv4) used.networks.push_back(other->plan().ipv4->subnet);
    if (other->plan().ipv6) used.networks.push_back(other->plan().ipv6->subnet);
  }
  return used;
}

void Driver::make_bridge(const Network& network, const std::optional<NetworkRecord>& before) {
  Netlink netlink;
  const std::string& name = network.options().interface;
  const auto existing = netlink.find(name);
  if (existing && existing->kind != "bridge") {
    throw Error{Errc::denied, "existing interface " + name + " is not a bridge"};
  }
  if (!existing && network.options().default_bridge && name != kDefaultName) {
    throw Error{Errc::not_found, "bridge device with non default name " + name + " must be created manually"};
  }
  const bool moved = before && before->interface != name;
  if (moved && before->owned) netlink.remove(before->interface);
  const bool owned = before && !moved ? before->owned : !existing;
  records_->put(NetworkRecord{network.id(), name, owned, network.plan().pools()});
  auto undo = ScopeExit([&] {
    if (before) return;
    if (owned) netlink.remove(name);
    records_->erase_network(network.id());
  });
  if (!existing) netlink.add_bridge(name, network.options().mtu);
  const Link bridge = netlink.find(name).value();
  if (!bridge.up) netlink.set_up(bridge.index);
  give_addresses(netlink, network, bridge.index, owned && existing);
  ensure_base_rules();
  change_rules(add_bridge_rules(bridge_rules(network)));
  forward_packets(network);
  undo.release();
}

void Driver::give_addresses(Netlink& netlink, const Network& network, int bridge, bool had_others) const {
  std::vector<Cidr> addresses;
  const NetworkOptions& options = network.options();
  for (const auto& plan : {network.plan().ipv4, network.plan().ipv6}) {
    if (!plan || !plan->gateway) continue;
    const int family = plan->subnet.base.family;
    if (options.mode(family) == GatewayMode::isolated || (family == AF_INET && options.inhibit_ipv4)) continue;
    addresses.push_back({*plan->gateway, plan->subnet.prefix});
  }
  // With another `bip` the route to the old subnet would outlive its use.
  if (had_others) netlink.keep_addresses(bridge, addresses);
  for (const Cidr& address : addresses) netlink.add_address(bridge, address);
  // Else the kernel gives it an address of its own, that containers could reach the host by.
  const GatewayMode mode6 = network.plan().ipv6 ? options.mode6 : options.mode4;
  if (mode6 == GatewayMode::isolated) write_sysctl("ipv6/conf/" + options.interface + "/disable_ipv6", "1");
}

void Driver::ensure_base_rules() {
  if (!nftables_) return;
  if (base_rules_) return put_rules_back();
  loopback6_ = loopback6_can_be_published();
  change_rules(base_rules(loopback6_));
  rule_count_ = count_rules(kOurTable);
  base_rules_ = true;
  if (!watch_) watch_.emplace(kOurTable, [this](TableWatch::Change change) { see_to_rules(change); });
}

void Driver::see_to_rules(TableWatch::Change change) {
  if (change.ours) mend_rules();
  if (!change.others) return;
  try {
    // Whom another firewall let in before it changed has to ask again.
    const std::lock_guard creation(creation_);
    const std::lock_guard lock(mutex_);
    const bool guarded = std::any_of(networks_.begin(), networks_.end(),
                                     [](const auto& network) { return network.second->options().guarded; });
    if (base_rules_ && guarded) change_rules(forget_admitted());
  } catch (const Error& error) {
    host_->log(LogLevel::warning, std::string("clients that a firewall let in are not asked again: ") + error.what());
  }
}

/// After somebody took rules away: `nft flush ruleset` of another firewall's start, most often.
void Driver::mend_rules() {
  try {
    const std::lock_guard creation(creation_);
    if (base_rules_) put_rules_back();
  } catch (const std::exception& error) {
    host_->log(LogLevel::error, std::string("the nftables table inet gantry can't be put back: ") + error.what());
  }
}

void Driver::put_rules_back() {
  if (count_rules(kOurTable) == rule_count_) return;
  const std::lock_guard ports(port_rules_);
  loopback6_ = loopback6_can_be_published();
  change_rules(all_rules());
  rule_count_ = count_rules(kOurTable);
  host_->log(LogLevel::warning, "the nftables table inet gantry was changed by somebody else: it is put back");
}

/// The whole table, for one transaction.
std::string Driver::all_rules() {
  std::string text = base_rules(loopback6_);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, network] : networks_) text += add_bridge_rules(bridge_rules(*network));
  }
  for (const auto& [network_id, id] : records_->endpoints()) {
    // An endpoint without its ports is on its way out.
    if (!ports_.holds(id)) continue;
    if (const auto record = records_->endpoint(network_id, id)) text += add_port_rules(rules_of(*record));
  }
  return text;
}

void Driver::change_rules(const std::string& commands) {
  if (nftables_) nftables_->run(commands);
}

void Driver::change_port_rules(const std::string& commands) {
  if (commands.empty()) return;
  try {
    const std::lock_guard lock(port_rules_);
    change_rules(commands);
    return;
  } catch (const Error&) {
    // Somebody may have taken the table away a moment ago.
  }
  mend_rules();
  const std::lock_guard lock(port_rules_);
  change_rules(commands);
}

BridgeRules Driver::bridge_rules(const Network& network) const {
  BridgeRules rules = network.rules();
  if (!settings_.rules6) rules.ipv6 = {false, false, true};
  return rules;
}

std::vector<PortRule> Driver::rules_of(const EndpointRecord& record) const {
  std::vector<PortRule> rules = port_rules(record);
  if (!settings_.rules6) std::erase_if(rules, [](const PortRule& rule) { return rule.container.family == AF_INET6; });
  return rules;
}

void Driver::forward_packets(const Network& network) const {
  if (network.internal() || !settings_.ip_forward) return;
  if (!write_sysctl("ipv4/ip_forward", "1")) {
    host_->log(LogLevel::warning, "IP forwarding can't be switched on: containers won't reach other hosts");
  }
  if (network.plan().ipv6 && !write_sysctl("ipv6/conf/all/forwarding", "1")) {
    host_->log(LogLevel::warning, "IPv6 forwarding can't be switched on: containers won't reach other hosts by IPv6");
  }
}

void Driver::remove_network(const std::string& network_id, const Call& /*call*/) {
  const std::lock_guard creation(creation_);
  reaper_->drain();
  if (const auto record = records_->network(network_id)) {
    ensure_base_rules();
    change_rules(remove_bridge_rules(record->interface));
    if (record->owned) Netlink().remove(record->interface);
    records_->erase_network(network_id);
  }
  const std::lock_guard lock(mutex_);
  networks_.erase(network_id);
  if (networks_.empty() && records_->networks().empty() && base_rules_) {
    change_rules(remove_base_rules());
    base_rules_ = false;
  }
}

void Driver::attach(const EndpointSpec& spec, int netns, Endpoint& out, const Call& /*call*/) {
  check_id(spec.id);
  check_interface(spec.interface);
  const NetworkPtr network = find(spec.network_id);
  if (!network) throw Error{Errc::not_found, "network " + spec.network_id + " not found"};
  if (reaper_->pending(spec.id)) reaper_->drain();
  const std::string latest = replace_latest(spec);
  if (latest != spec.id && reaper_->pending(latest)) inherit(*network, latest, spec);
  const auto before = records_->endpoint(spec.network_id, spec.id);
  const Lease addresses = lease(*network, spec, before);
  EndpointRecord record = plan_endpoint(*network, spec, addresses);
  auto undo = ScopeExit([&] {
    if (before) return give_back(*before);
    unpublish(record);
    take_away(record);
  });
  publish(*network, spec, before, record);
  join(*network, spec, before, record, netns);
  if (!record.ports.empty()) let_own_packets_through(*network, record);
  // Both in one transaction: a connection meets the old ports or the new ones. Last, as nothing would undo it.
  const bool changed = before && !same_ports(before->ports, record.ports);
  change_port_rules((changed ? remove_port_rules(rules_of(*before)) : "") + add_port_rules(rules_of(record)));
  undo.release();
  fill_endpoint(*network, record, out);
}

std::string Driver::replace_latest(const EndpointSpec& spec) {
  const std::lock_guard lock(mutex_);
  return std::exchange(latest_[{spec.network_id, spec.container_id}], spec.id);
}

/// A container that starts again has the address that it had, while the last run's interface is on its way out.
void Driver::inherit(Network& network, const std::string& latest, const EndpointSpec& spec) {
  if (!network.leases().hand_over(latest, spec.id, spec.ipv4, spec.ipv6)) return;
  // The kernel has taken it off the bridge before it waits for its grace period. Else its turn has not come.
  try {
    Netlink netlink;
    if (const auto link = netlink.find(interface_of(latest))) netlink.set_down(link->index);
  } catch (const Error&) {
    // Gone in this moment.
  }
}

Lease Driver::lease(Network& network, const EndpointSpec& spec, const std::optional<EndpointRecord>& before) {
  const std::string ipv4 = spec.ipv4.empty() && before ? before->ipv4 : spec.ipv4;
  const std::string ipv6 = spec.ipv6.empty() && before ? before->ipv6 : spec.ipv6;
  try {
    return network.leases().lease(spec.id, ipv4, ipv6);
  } catch (const Error& error) {
    if (error.code() != Errc::exhausted && error.code() != Errc::denied) throw;
  }
  // An endpoint that was detached keeps its addresses until its interface is gone.
  reaper_->drain();
  return network.leases().lease(spec.id, ipv4, ipv6);
}

EndpointRecord Driver::plan_endpoint(const Network& network, const EndpointSpec& spec, const Lease& lease) const {
  EndpointRecord record;
  record.id = spec.id;
  record.network_id = spec.network_id;
  record.interface = interface_of(spec.id);
  record.sandbox_interface = spec.interface;
  record.link_local = spec.link_local;
  record.guarded = network.options().guarded;
  record.trusted = network.options().trusted;
  if (settings_.direct && !record.guarded) record.trusted = {kAllInterfaces};
  if (lease.ipv4) record.ipv4 = lease.ipv4->text();
  if (lease.ipv6) record.ipv6 = lease.ipv6->text();
  record.mac = !spec.mac.empty() ? spec.mac : lease.ipv4 ? mac_of(*lease.ipv4) : random_mac();
  return record;
}

void Driver::publish(const Network& network, const EndpointSpec& spec, const std::optional<EndpointRecord>& before,
                     EndpointRecord& record) {
  if (before && satisfies(before->ports, spec.ports)) {
    record.ports = before->ports;
    if (!ports_.holds(spec.id)) ports_.claim(spec.id, before->ports, {}, PortMap::Policy::keep);
    return;
  }
  if (spec.ports.empty() || network.internal()) {
    ports_.release(spec.id);
    return;
  }
  try {
    record.ports = ports_.claim(spec.id, spec.ports, network.publication(), PortMap::Policy::strict);
  } catch (const Error& error) {
    throw Error{error.code(), "driver failed programming external connectivity on endpoint " + spec.container_name +
                                  " (" + spec.id + "): " + error.what()};
  }
}

/// Published ports are for the host and for the container itself, too.
void Driver::let_own_packets_through(const Network& network, const EndpointRecord& record) const {
  Netlink netlink;
  const std::string& bridge = network.options().interface;
  netlink.allow_hairpin(record.interface);
  // Else the kernel takes packets from 127.0.0.1, redirected into the bridge, for martians.
  write_sysctl("ipv4/conf/" + bridge + "/route_localnet", "1");
  if (!network.plan().ipv6 || !loopback6_) return;
  if (const auto link = netlink.find(bridge)) netlink.route_loopback6(link->index);
}

void Driver::unpublish(const EndpointRecord& record) {
  if (record.ports.empty()) return;
  const std::lock_guard lock(port_rules_);
  try {
    change_rules(remove_port_rules(rules_of(record)));
  } catch (const Error& error) {
    // Somebody else's element has the key: it is not ours to remove.
    host_->log(LogLevel::warning, std::string("published ports of endpoint ") + record.id + ": " + error.what());
  }
  ports_.release(record.id);
}

/// An endpoint that was there already, after a change of its ports that failed: its rules still stand.
void Driver::give_back(const EndpointRecord& before) noexcept {
  try {
    records_->put(before);
    ports_.release(before.id);
    if (!before.ports.empty()) ports_.claim(before.id, before.ports, {}, PortMap::Policy::keep);
  } catch (const std::exception& error) {
    host_->log(LogLevel::warning, std::string("ports of endpoint ") + before.id + ": " + error.what());
  }
}

void Driver::join(const Network& network, const EndpointSpec& spec, const std::optional<EndpointRecord>& before,
                  EndpointRecord& record, int netns) {
  SandboxLink link = sandbox_link(network, record, spec.default_gateway);
  link.sysctls = interface_sysctls(spec.options, spec.interface);
  const std::string whole = fingerprint(link, netns);
  Netlink netlink;
  // A daemon that takes up its predecessor's endpoints finds nearly all of them as they are to be.
  if (before && before->joined == whole && netlink.find(record.interface)) {
    record.mac = before->mac;
    record.joined = whole;
    if (text(record) != text(*before)) records_->put(record);
    return;
  }
  records_->put(record);
  if (!netlink.find(record.interface)) {
    const auto bridge = netlink.find(network.options().interface);
    if (!bridge) throw Error{Errc::io, "the bridge " + network.options().interface + " is gone: restart the daemon"};
    const VethSpec veth{record.interface,      bridge->index,         netns, spec.interface, record.mac,
                        network.options().mtu, !network.options().icc};
    try {
      netlink.add_veth(veth);
    } catch (const Error&) {
      // The sandbox's interface of that name may be one that was detached and is on its way out.
      reaper_->drain();
      netlink.add_veth(veth);
    }
  }
  namespaces_->run(netns, [&link] { configure_sandbox(link); });
  // Both ends are up, but until their carriers are noticed the host's end and a bridge without other ports drop
  // packets.
  netlink.wait_until_running(record.interface);
  netlink.wait_until_running(network.options().interface);
  record.joined = whole;
  records_->note_joined(record);
}

void Driver::detach(const std::string& network_id, const std::string& endpoint_id, const Call& /*call*/) {
  if (reaper_->pending(endpoint_id)) return;
  const auto record = records_->endpoint(network_id, endpoint_id);
  if (!record) return;
  unpublish(*record);
  reaper_->submit(endpoint_id, [this, record = *record] { take_away(record); });
}

void Driver::take_away(const EndpointRecord& record) noexcept {
  try {
    Netlink().remove(record.interface);
    if (const NetworkPtr network = find(record.network_id)) network->leases().release(record.id);
    records_->erase_endpoint(record.network_id, record.id);
    const std::lock_guard lock(mutex_);
    std::erase_if(latest_, [&record](const auto& one) { return one.second == record.id; });
  } catch (const std::exception& error) {
    host_->log(LogLevel::error, "endpoint " + record.id + " is not taken away: " + error.what());
  }
}

void Driver::list(Holdings& out, const Call& /*call*/) {
  std::map<std::string, std::vector<std::string>> found;
  for (const std::string& id : records_->networks()) found[id];
  for (const auto& [network_id, endpoint_id] : records_->endpoints()) {
    if (!reaper_->pending(endpoint_id)) found[network_id].push_back(endpoint_id);
  }
  for (auto& [network_id, endpoints] : found) out.networks.push_back({network_id, std::move(endpoints)});
}

}  // namespace gantry::bridge
