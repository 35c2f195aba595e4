#include "driver.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "anti_spoofing.hpp"
#include "foreign_rules.hpp"
#include "gantry/error.hpp"
#include "net_link/link.hpp"
#include "net_link/scope_exit.hpp"
#include "sandbox.hpp"

namespace gantry::bridge {

namespace {

constexpr const char* kOurTable = "gantry";
constexpr const char* kDefaultName = "gantry0";  // of the default network, unless the daemon names another

int count_our_rules() {
  return count_rules(kOurTable, TableFamily::inet) + count_rules(kOurTable, TableFamily::bridge);
}

/// The kernel may have no tables of the family bridge: they are spoken of only where there is one, of this daemon or of
/// the one before it.
std::string remove_all_rules() {
  return remove_base_rules() + (count_rules(kOurTable, TableFamily::bridge) > 0 ? remove_sender_base_rules() : "");
}

}  // namespace

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
    Nftables().run(remove_all_rules());
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
  shield_host(network, owned);
  if (!bridge.up) netlink.set_up(bridge.index);
  give_addresses(netlink, network, bridge.index, owned && existing);
  ensure_base_rules();
  if (network.options().anti_spoofing) {
    ensure_sender_rules();
    netlink.learn_from_forwarded_only(bridge.index);
  }
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
}

/// Before the bridge is up: containers can send router advertisements, and the host would take them for its way out.
void Driver::shield_host(const Network& network, bool owned) const {
  const NetworkOptions& options = network.options();
  const std::string ipv6 = "ipv6/conf/" + options.interface + "/";
  const bool isolated = (network.plan().ipv6 ? options.mode6 : options.mode4) == GatewayMode::isolated;
  if (owned) write_sysctl(ipv6 + "accept_ra", "0");
  // The kernel asks for a container's MAC in the name of the bridge's link-local address, and of none while it looks
  // whether that is taken: for two seconds after the first container nobody from outside would get in.
  if (owned) write_sysctl(ipv6 + "accept_dad", "0");
  const bool addressed = network.plan().ipv6 && !isolated;
  if (addressed) write_sysctl(ipv6 + "disable_ipv6", "0");
  // Else the kernel gives it an address of its own, that containers could reach the host by.
  if (!addressed && (owned || isolated)) write_sysctl(ipv6 + "disable_ipv6", "1");
}

void Driver::ensure_base_rules() {
  if (!nftables_) return;
  if (base_rules_) return put_rules_back();
  loopback6_ = loopback6_can_be_published();
  change_rules(base_rules(base()));
  rule_count_ = count_our_rules();
  base_rules_ = true;
  if (!watch_) watch_.emplace(kOurTable, [this](TableWatch::Change change) { see_to_rules(change); });
}

/// Only where a network asks for it: not every kernel has tables of this family.
void Driver::ensure_sender_rules() {
  if (sender_rules_) return;
  try {
    change_rules(sender_base_rules());
  } catch (const Error& error) {
    throw Error{Errc::unsupported, std::string("gantry.anti-spoofing needs nftables for bridges in the kernel "
                                               "(CONFIG_NF_TABLES_BRIDGE): ") +
                                       error.what()};
  }
  sender_rules_ = true;
  rule_count_ = count_our_rules();
}

void Driver::drop_sender_rules_unless_needed() {
  const std::lock_guard lock(mutex_);
  const bool needed = std::any_of(networks_.begin(), networks_.end(),
                                  [](const auto& network) { return network.second->options().anti_spoofing; });
  if (needed || !sender_rules_) return;
  change_rules(remove_sender_base_rules());
  sender_rules_ = false;
  rule_count_ = count_our_rules();
}

void Driver::see_to_rules(TableWatch::Change change) {
  if (change.ours) mend_rules();
  if (change.chains) tell_of_foreign_rules();
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

/// Once for each state of theirs: packets that nobody lets through go missing without a word.
void Driver::tell_of_foreign_rules() {
  try {
    std::string warning = warn_of_drops(Nftables().ask("list chains"));
    const std::lock_guard lock(mutex_);
    std::swap(warning, warned_of_);
    if (!warned_of_.empty() && warned_of_ != warning) host_->log(LogLevel::warning, warned_of_);
  } catch (const std::exception& error) {
    host_->log(LogLevel::warning, std::string("other rules of this host are not looked at: ") + error.what());
  }
}

/// After somebody took rules away: `nft flush ruleset` of another firewall's start, most often.
void Driver::mend_rules() {
  try {
    const std::lock_guard creation(creation_);
    if (base_rules_) put_rules_back();
  } catch (const std::exception& error) {
    host_->log(LogLevel::error, std::string("the nftables table gantry can't be put back: ") + error.what());
  }
}

void Driver::put_rules_back() {
  if (count_our_rules() == rule_count_) return;
  write_all_rules();
  host_->log(LogLevel::warning, "the nftables table gantry was changed by somebody else: it is put back");
}

void Driver::write_all_rules() {
  const std::lock_guard ports(port_rules_);
  loopback6_ = loopback6_can_be_published();
  change_rules(all_rules());
  rule_count_ = count_our_rules();
}

BaseRules Driver::base() const {
  const auto closed = [this](int family) { return !settings_.forward_all && records_->switched_forwarding(family); };
  return {loopback6_, closed(AF_INET), settings_.rules6 && closed(AF_INET6)};
}

/// The whole table, for one transaction.
std::string Driver::all_rules() {
  std::string text = base_rules(base());
  if (sender_rules_) text += sender_base_rules();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, network] : networks_) text += add_bridge_rules(bridge_rules(*network));
  }
  for (const auto& [network_id, id] : records_->endpoints()) {
    const auto record = records_->endpoint(network_id, id);
    if (!record) continue;
    if (record->anti_spoofing && sender_rules_) text += add_sender_rules(sender_of(*record));
    // An endpoint without its ports is on its way out.
    if (ports_.holds(id)) text += add_port_rules(rules_of(*record));
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

void Driver::forward_packets(const Network& network) {
  if (network.internal() || !settings_.ip_forward) return;
  switch_forwarding_on(AF_INET, "ipv4/ip_forward");
  if (network.plan().ipv6) switch_forwarding_on(AF_INET6, "ipv6/conf/all/forwarding");
}

/// The rules come first, and are on record for later daemons.
void Driver::switch_forwarding_on(int family, const std::string& sysctl) {
  if (read_sysctl(sysctl) == "1") return;
  if (nftables_) {
    records_->note_forwarding(family);
    write_all_rules();
  }
  if (write_sysctl(sysctl, "1")) {
    if (settings_.forward_all || !nftables_) return;
    host_->log(LogLevel::info, "net/" + sysctl +
                                   " is switched on for containers: what does not concern them is not "
                                   "forwarded (ip-forward-no-drop)");
    return;
  }
  if (nftables_) {
    records_->forget_forwarding(family);
    write_all_rules();
  }
  host_->log(LogLevel::warning, "net/" + sysctl + " can't be switched on: containers won't reach other hosts");
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
  {
    const std::lock_guard lock(mutex_);
    networks_.erase(network_id);
  }
  drop_sender_rules_unless_needed();
  const std::lock_guard lock(mutex_);
  if (networks_.empty() && records_->networks().empty() && base_rules_) {
    change_rules(remove_all_rules());
    base_rules_ = false;
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
