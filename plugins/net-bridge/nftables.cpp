#include "nftables.hpp"

#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <fstream>
#include <set>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::bridge {
namespace {

constexpr const char* kTable = "inet gantry";

std::string quoted(const std::string& interface) { return "\"" + interface + "\""; }

std::string element(const char* verb, const std::string& set, const std::string& content) {
  return std::string(verb) + " element " + kTable + " " + set + " { " + content + " }\n";
}

struct SetElement {
  std::string set;
  std::string content;
};

/// Every set that a bridge can be in.
std::vector<SetElement> memberships(const BridgeRules& bridge) {
  const std::string name = quoted(bridge.interface);
  const std::string pair = name + " . " + name;
  std::vector<SetElement> out{{"bridges", name}, {"bridge_pairs", pair}};
  if (bridge.icc) out.push_back({"open_pairs", pair});
  if (bridge.internal) out.push_back({"internal", name});
  for (const auto& [family, rules] : {std::pair{"4", &bridge.ipv4}, {"6", &bridge.ipv6}}) {
    if (rules->masquerade) out.push_back({std::string("masqueraded") + family, name});
    if (rules->routed) out.push_back({std::string("routed") + family, name});
    if (rules->unprotected) out.push_back({std::string("unprotected") + family, name});
  }
  return out;
}

/// The key of a port on the host, and whether it is one on all of the host's addresses.
struct HostKey {
  std::string kind;
  std::string text;
};

HostKey host_key(const PortRule& port) {
  const std::string key = port.protocol + " . " + std::to_string(port.host_port);
  const std::string family = port.host.family == AF_INET ? "4" : "6";
  if (port.host.unspecified()) return {"any" + family, key};
  return {"on" + family, port.host.text() + " . " + key};
}

/// The map element of a port.
SetElement mapping(const PortRule& port) {
  const std::string target = port.container.text() + " . " + std::to_string(port.container_port);
  const auto [kind, key] = host_key(port);
  return {(port.guarded ? "guarded_" : "published_") + kind, key + " : " + target};
}

/// All elements of a container's ports. A container that asks for its own port must not see its own address as the
/// client's, and where br_netfilter hands frames to nftables the interface that they came from is not known any more.
std::vector<SetElement> elements(const std::vector<PortRule>& ports) {
  std::vector<SetElement> out;
  std::set<Address> containers;
  for (const PortRule& port : ports) {
    const std::string family = port.container.family == AF_INET ? "4" : "6";
    const std::string inside =
        port.container.text() + " . " + port.protocol + " . " + std::to_string(port.container_port);
    for (const std::string& from : port.trusted) {
      const bool all = from == kAllInterfaces;
      out.push_back(all ? SetElement{"open" + family, inside}
                        : SetElement{"trusted" + family, quoted(from) + " . " + inside});
    }
    if (port.host_port == 0) {
      out.push_back({"open" + family, inside});
      continue;
    }
    out.push_back(mapping(port));
    if (port.guarded) out.push_back({"gates_" + host_key(port).kind, host_key(port).text});
    if (!containers.insert(port.container).second) continue;
    const std::string address = port.container.text();
    out.push_back({port.container.family == AF_INET ? "hairpin4" : "hairpin6", address + " . " + address});
  }
  return out;
}

}  // namespace

std::string base_rules(const BaseRules& base) {
  // In the guard: what is published on 127.0.0.1 is not for neighbours that route the address here. loopback0 is where
  // WSL's mirrored networking brings in what Windows sends to its own 127.0.0.1.
  std::string text = R"(
add table inet gantry
add set inet gantry bridges { type ifname; }
add set inet gantry bridge_pairs { type ifname . ifname; }
add set inet gantry open_pairs { type ifname . ifname; }
add set inet gantry internal { type ifname; }
add set inet gantry masqueraded4 { type ifname; }
add set inet gantry masqueraded6 { type ifname; }
add set inet gantry routed4 { type ifname; }
add set inet gantry routed6 { type ifname; }
add set inet gantry unprotected4 { type ifname; }
add set inet gantry unprotected6 { type ifname; }
add set inet gantry open4 { type ipv4_addr . inet_proto . inet_service; }
add set inet gantry open6 { type ipv6_addr . inet_proto . inet_service; }
add set inet gantry trusted4 { type ifname . ipv4_addr . inet_proto . inet_service; }
add set inet gantry trusted6 { type ifname . ipv6_addr . inet_proto . inet_service; }
add map inet gantry published_any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet gantry published_on4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet gantry published_any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
add map inet gantry published_on6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
add set inet gantry hairpin4 { type ipv4_addr . ipv4_addr; }
add set inet gantry hairpin6 { type ipv6_addr . ipv6_addr; }
add map inet gantry guarded_any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet gantry guarded_on4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet gantry guarded_any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
add map inet gantry guarded_on6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
add set inet gantry gates_any4 { type inet_proto . inet_service; }
add set inet gantry gates_on4 { type ipv4_addr . inet_proto . inet_service; }
add set inet gantry gates_any6 { type inet_proto . inet_service; }
add set inet gantry gates_on6 { type ipv6_addr . inet_proto . inet_service; }
add set inet gantry admitted4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags dynamic, timeout; timeout 5m; size 65536; }
add set inet gantry admitted6 { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags dynamic, timeout; timeout 5m; size 65536; }
add chain inet gantry published
add chain inet gantry guarded
add chain inet gantry inward
add chain inet gantry admission { type filter hook input priority 300; policy accept; }
add chain inet gantry guard { type filter hook prerouting priority raw; policy accept; }
add chain inet gantry prerouting { type nat hook prerouting priority dstnat; policy accept; }
add chain inet gantry output { type nat hook output priority -100; policy accept; }
add chain inet gantry postrouting { type nat hook postrouting priority srcnat; policy accept; }
add chain inet gantry forward { type filter hook forward priority filter; policy accept; }
flush chain inet gantry published
flush chain inet gantry guarded
flush chain inet gantry inward
flush chain inet gantry admission
flush chain inet gantry guard
flush chain inet gantry prerouting
flush chain inet gantry output
flush chain inet gantry postrouting
flush chain inet gantry forward
add rule inet gantry guard ip daddr 127.0.0.0/8 iifname != { "lo", "loopback0" } drop
add rule inet gantry guard ip6 daddr ::1 iifname @bridges drop
add rule inet gantry published dnat ip to ip daddr . meta l4proto . th dport map @published_on4
add rule inet gantry published dnat ip to meta l4proto . th dport map @published_any4
add rule inet gantry published dnat ip6 to ip6 daddr . meta l4proto . th dport map @published_on6
add rule inet gantry published dnat ip6 to meta l4proto . th dport map @published_any6
add rule inet gantry prerouting fib daddr type local jump published
add rule inet gantry guarded dnat ip to ip daddr . meta l4proto . th dport map @guarded_on4
add rule inet gantry guarded dnat ip to meta l4proto . th dport map @guarded_any4
add rule inet gantry guarded dnat ip6 to ip6 daddr . meta l4proto . th dport map @guarded_on6
add rule inet gantry guarded dnat ip6 to meta l4proto . th dport map @guarded_any6
add rule inet gantry prerouting ip saddr . ip daddr . meta l4proto . th dport @admitted4 jump guarded
add rule inet gantry prerouting ip6 saddr . ip6 daddr . meta l4proto . th dport @admitted6 jump guarded
add rule inet gantry admission ct state established,related accept
add rule inet gantry admission ip daddr . meta l4proto . th dport @gates_on4 add @admitted4 { ip saddr . ip daddr . meta l4proto . th dport } drop
add rule inet gantry admission meta nfproto ipv4 meta l4proto . th dport @gates_any4 add @admitted4 { ip saddr . ip daddr . meta l4proto . th dport } drop
add rule inet gantry admission ip6 daddr . meta l4proto . th dport @gates_on6 add @admitted6 { ip6 saddr . ip6 daddr . meta l4proto . th dport } drop
add rule inet gantry admission meta nfproto ipv6 meta l4proto . th dport @gates_any6 add @admitted6 { ip6 saddr . ip6 daddr . meta l4proto . th dport } drop
)";
  // A client of [::1] is refused then, and tries 127.0.0.1, instead of waiting for answers that get lost.
  if (!base.loopback6) text += "add rule inet gantry output ip6 daddr ::1 return\n";
  text += R"(
add rule inet gantry output fib daddr type local jump published
add rule inet gantry output fib daddr type local jump guarded
add rule inet gantry postrouting ip saddr 127.0.0.0/8 oifname @bridges masquerade
add rule inet gantry postrouting ip6 saddr ::1 oifname @bridges masquerade
add rule inet gantry postrouting ct status dnat ip saddr . ip daddr @hairpin4 masquerade
add rule inet gantry postrouting ct status dnat ip6 saddr . ip6 daddr @hairpin6 masquerade
add rule inet gantry postrouting ct status dnat iifname . oifname @bridge_pairs masquerade
add rule inet gantry postrouting meta nfproto ipv4 iifname @masqueraded4 iifname . oifname != @bridge_pairs masquerade
add rule inet gantry postrouting meta nfproto ipv6 iifname @masqueraded6 iifname . oifname != @bridge_pairs masquerade
add rule inet gantry forward iifname . oifname @open_pairs accept
add rule inet gantry forward iifname @internal iifname . oifname != @bridge_pairs drop
add rule inet gantry forward oifname @internal iifname . oifname != @bridge_pairs drop
add rule inet gantry forward oifname @bridges ct state established,related accept
add rule inet gantry forward oifname @bridges ct status dnat accept
add rule inet gantry forward oifname @bridges jump inward
add rule inet gantry inward oifname @routed4 meta l4proto icmp accept
add rule inet gantry inward oifname @routed6 meta l4proto icmpv6 accept
add rule inet gantry inward oifname @unprotected4 meta nfproto ipv4 accept
add rule inet gantry inward oifname @unprotected6 meta nfproto ipv6 accept
add rule inet gantry inward ip daddr . meta l4proto . th dport @open4 accept
add rule inet gantry inward ip6 daddr . meta l4proto . th dport @open6 accept
add rule inet gantry inward iifname . ip daddr . meta l4proto . th dport @trusted4 accept
add rule inet gantry inward iifname . ip6 daddr . meta l4proto . th dport @trusted6 accept
add rule inet gantry inward drop
)";
  // The host did not forward before we had it do so: whoever has a route through it shall not get further than ours.
  // What comes from others' bridges is theirs: no accept of theirs could overrule a drop here.
  for (const auto& [closed, family] : {std::pair(base.closed4, "ipv4"), std::pair(base.closed6, "ipv6")}) {
    if (closed)
      text += std::string("add rule inet gantry forward meta nfproto ") + family +
              " meta iifkind != \"bridge\" ct state != { established, related } drop\n";
  }
  return text;
}

std::string remove_base_rules() { return "add table inet gantry\ndelete table inet gantry\n"; }

std::string add_bridge_rules(const BridgeRules& bridge) {
  // First out of all sets: its settings may be others than those of a bridge of the same name before.
  std::string text = remove_bridge_rules(bridge.interface);
  for (const auto& [set, content] : memberships(bridge)) text += element("add", set, content);
  return text;
}

std::string remove_bridge_rules(const std::string& interface) {
  std::string text;
  for (const auto& [set, content] : memberships({interface, true, true, {true, true, true}, {true, true, true}})) {
    text += element("add", set, content) + element("delete", set, content);
  }
  return text;
}

std::string forget_admitted() { return "flush set inet gantry admitted4\nflush set inet gantry admitted6\n"; }

std::string add_port_rules(const std::vector<PortRule>& ports) {
  std::string text;
  for (const auto& [set, content] : elements(ports)) text += element("add", set, content);
  return text;
}

std::string remove_port_rules(const std::vector<PortRule>& ports) {
  std::string text;
  for (const auto& [set, content] : elements(ports)) {
    text += element("add", set, content) + element("delete", set, content);
  }
  return text;
}

bool loopback6_can_be_published() {
  std::ifstream file("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
  int filtered = 0;
  return !(file >> filtered) || filtered == 0;
}

void Nftables::Free::operator()(nft_ctx* context) const { nft_ctx_free(context); }

Nftables::Nftables() : context_(nft_ctx_new(NFT_CTX_DEFAULT)) {
  if (!context_) throw Error{Errc::unsupported, "libnftables can't be opened"};
  nft_ctx_buffer_output(context_.get());
  nft_ctx_buffer_error(context_.get());
}

Nftables::~Nftables() = default;

void Nftables::run(const std::string& commands) {
  if (commands.empty()) return;
  const std::lock_guard lock(mutex_);
  run_held(commands);
}

std::string Nftables::ask(const std::string& commands) {
  const std::lock_guard lock(mutex_);
  run_held(commands);
  const char* printed = nft_ctx_get_output_buffer(context_.get());
  return printed == nullptr ? "" : printed;
}

void Nftables::run_held(const std::string& commands) {
  if (nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0) return;
  const char* reason = nft_ctx_get_error_buffer(context_.get());
  throw Error{Errc::io, std::string("nftables: ") + (reason == nullptr ? "unknown error" : reason)};
}

}  // namespace gantry::bridge
