#include "network_options.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "gantry/error.hpp"
#include "net_link/link.hpp"

namespace gantry::bridge {
namespace {

constexpr const char* kName = "com.docker.network.bridge.name";
constexpr const char* kDefaultBridge = "com.docker.network.bridge.default_bridge";
constexpr const char* kIcc = "com.docker.network.bridge.enable_icc";
constexpr const char* kMasquerade = "com.docker.network.bridge.enable_ip_masquerade";
constexpr const char* kHostBinding = "com.docker.network.bridge.host_binding_ipv4";
constexpr const char* kMtu = "com.docker.network.driver.mtu";
constexpr const char* kInterfacePrefix = "com.docker.network.container_iface_prefix";
constexpr const char* kInhibitIpv4 = "com.docker.network.bridge.inhibit_ipv4";
constexpr const char* kMode4 = "com.docker.network.bridge.gateway_mode_ipv4";
constexpr const char* kMode6 = "com.docker.network.bridge.gateway_mode_ipv6";
constexpr const char* kTrusted = "com.docker.network.bridge.trusted_host_interfaces";
constexpr const char* kFirewall = "gantry.firewall";
constexpr const char* kAntiSpoofing = "gantry.anti-spoofing";
constexpr const char* kDefaultInterface = "gantry0";

std::string value_of(const Options& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

[[noreturn]] void refuse(const std::string& name, const std::string& value, const std::string& go_function) {
  throw Error{Errc::invalid, "failed to parse " + name + " value: " + value + " (strconv." + go_function +
                                 ": parsing \"" + value + "\": invalid syntax)"};
}

bool read_bool(const Options& options, const char* name, bool otherwise) {
  const auto found = options.find(name);
  if (found == options.end()) return otherwise;
  const std::string_view value = found->second;
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (value == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (value == no) return false;
  }
  refuse(name, found->second, "ParseBool");
}

int read_mtu(const Options& options, const char* name, int otherwise) {
  const std::string value = value_of(options, name);
  if (value.empty() && !options.contains(name)) return otherwise;
  int mtu = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, mtu);
  if (error != std::errc{} || stop != end) refuse(name, value, "Atoi");
  if (mtu < 0 || mtu > 65535) throw Error{Errc::invalid, "invalid MTU number: " + value};
  return mtu;
}

GatewayMode read_mode(const Options& options, const char* name) {
  const auto found = options.find(name);
  if (found == options.end() || found->second == "nat") return GatewayMode::nat;
  if (found->second == "nat-unprotected") return GatewayMode::unprotected;
  if (found->second == "routed") return GatewayMode::routed;
  if (found->second == "isolated") return GatewayMode::isolated;
  throw Error{Errc::invalid, "failed to parse " + std::string(name) + " value: " + found->second +
                                 " (unknown gateway mode " + found->second + ")"};
}

bool read_firewall(const Options& options) {
  const std::string value = value_of(options, kFirewall);
  if (value.empty() || value == "own") return false;
  if (value == "host") return true;
  throw Error{Errc::invalid,
              "failed to parse " + std::string(kFirewall) + " value: " + value + " (\"host\" or \"own\" was expected)"};
}

/// Names parted by colons: the kernel has none in its interfaces' names.
std::vector<std::string> read_interfaces(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(':', at), text.size());
    if (end > at) names.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  for (const std::string& name : names) check_interface(name);
  return names;
}

/// Errors: invalid, in dockerd's words.
std::string read_host_binding(const Options& options) {
  const auto found = options.find(kHostBinding);
  if (found == options.end()) return {};
  const auto address = parse_address(found->second);
  if (!address) {
    throw Error{Errc::invalid,
                "failed to parse " + std::string(kHostBinding) + " value: " + found->second + " (nil ip)"};
  }
  // dockerd writes 0.0.0.0 down for the default bridge, and means "all", IPv6 included.
  return address->family == AF_INET && address->unspecified() ? "" : found->second;
}

template <class T>
std::optional<T> parsed(const std::string& option, const std::string& value, std::optional<T> result) {
  if (!value.empty() && !result) throw Error{Errc::invalid, "invalid value for \"" + option + "\": " + value};
  return result;
}

std::optional<Cidr> read_cidr(const Options& options, const std::string& name, int family) {
  const std::string text = value_of(options, name.c_str());
  auto cidr = parse_cidr(text);
  if (cidr && cidr->address.family != family) cidr.reset();
  return parsed(name, text, cidr);
}

std::optional<Address> read_address(const Options& options, const std::string& name, int family) {
  const std::string text = value_of(options, name.c_str());
  auto address = parse_address(text);
  if (address && address->family != family) address.reset();
  return parsed(name, text, address);
}

std::vector<SubnetSource> read_sources(const std::string& text) {
  if (text.empty()) return default_sources();
  std::vector<SubnetSource> sources;
  // A list's items are parted by commas; "base=...,size=..." as dockerd has it on its command line parts one item in
  // two.
  std::size_t at = 0;
  while ((at = text.find("base=", at)) != std::string::npos) {
    const std::size_t next = text.find("base=", at + 5);
    const std::string item = text.substr(at, next == std::string::npos ? next : next - at);
    const auto source = parse_source(item);
    if (!source) throw Error{Errc::invalid, "invalid default-address-pools item: " + item};
    sources.push_back(*source);
    at += item.size();
  }
  if (sources.empty()) throw Error{Errc::invalid, "invalid default-address-pools: " + text};
  return sources;
}

}  // namespace

std::vector<OptionInfo> known_options() {
  const auto driver = OptionScope::driver;
  const auto object = OptionScope::object;
  return {
      {"bip", OptionType::text, driver, "", "address and subnet of the default bridge: 172.17.0.1/16"},
      {"fixed-cidr", OptionType::text, driver, "",
       "subnet that the default bridge's containers get their addresses from"},
      {"default-gateway", OptionType::text, driver, "", "gateway of the default bridge's containers"},
      {"default-address-pools", OptionType::list, driver, "",
       "where new networks' subnets come from: base=CIDR size=N"},
      {"bip6", OptionType::text, driver, "", "IPv6 address and subnet of the default bridge"},
      {"fixed-cidr-v6", OptionType::text, driver, "", "the same as fixed-cidr, for IPv6"},
      {"default-gateway-v6", OptionType::text, driver, "", "IPv6 gateway of the default bridge's containers"},
      {"mtu", OptionType::integer, driver, "", "MTU of the default bridge"},
      {"ip-masq", OptionType::boolean, driver, "true",
       "hide the default bridge's containers behind the host's addresses"},
      {"iptables", OptionType::boolean, driver, "true", "make rules: else published ports lead nowhere"},
      {"ip6tables", OptionType::boolean, driver, "true", "make rules for IPv6"},
      {"allow-direct-routing", OptionType::boolean, driver, "false",
       "published ports may be reached at containers' own addresses from other hosts, too"},
      {"icc", OptionType::boolean, driver, "true", "containers of the default bridge may talk to each other"},
      {"ip-forward", OptionType::boolean, driver, "true", "switch the host's IP forwarding on"},
      {"ip-forward-no-drop", OptionType::boolean, driver, "false",
       "when forwarding was switched on, forward what does not concern containers, too"},
      {"ip", OptionType::text, driver, "", "host address that the default bridge's ports are published on"},
      {kName, OptionType::text, object, "", "name of the bridge interface"},
      {kDefaultBridge, OptionType::boolean, object, "false", "this is the default bridge"},
      {kIcc, OptionType::boolean, object, "true", "containers may talk to each other"},
      {kMasquerade, OptionType::boolean, object, "true", "hide containers behind the host's addresses"},
      {kHostBinding, OptionType::text, object, "", "host address that ports are published on unless one is given"},
      {kMtu, OptionType::integer, object, "", "MTU"},
      {kInterfacePrefix, OptionType::text, object, "eth", "start of the interfaces' names inside containers"},
      {kFirewall, OptionType::text, object, "own",
       "host: published ports are open to whom the host's own firewall lets in"},
      {kAntiSpoofing, OptionType::boolean, object, "false", "containers send from their own MAC and addresses only"},
      {kInhibitIpv4, OptionType::boolean, object, "false", "the bridge gets no IPv4 address"},
      {kMode4, OptionType::text, object, "nat", "nat, nat-unprotected, routed or isolated"},
      {kMode6, OptionType::text, object, "nat", "nat, nat-unprotected, routed or isolated"},
      {kTrusted, OptionType::text, object, "",
       "host interfaces, parted by colons, from where published ports may be reached at containers' own addresses"},
  };
}

Settings parse_settings(const Options& options) {
  Settings settings;
  settings.bip = read_cidr(options, "bip", AF_INET);
  settings.bip6 = read_cidr(options, "bip6", AF_INET6);
  if (const auto cidr = read_cidr(options, "fixed-cidr", AF_INET)) settings.fixed_cidr = cidr->subnet();
  if (const auto cidr = read_cidr(options, "fixed-cidr-v6", AF_INET6)) settings.fixed_cidr6 = cidr->subnet();
  settings.default_gateway = read_address(options, "default-gateway", AF_INET);
  settings.default_gateway6 = read_address(options, "default-gateway-v6", AF_INET6);
  settings.sources = read_sources(value_of(options, "default-address-pools"));
  if (!value_of(options, "mtu").empty()) settings.mtu = read_mtu(options, "mtu", 0);
  settings.direct = read_bool(options, "allow-direct-routing", false);
  settings.icc = read_bool(options, "icc", true);
  settings.masquerade = read_bool(options, "ip-masq", true);
  settings.ip_forward = read_bool(options, "ip-forward", true);
  settings.forward_all = read_bool(options, "ip-forward-no-drop", false);
  settings.rules = read_bool(options, "iptables", true);
  settings.rules6 = read_bool(options, "ip6tables", true);
  const std::string ip = value_of(options, "ip");
  if (const auto address = parsed("ip", ip, parse_address(ip)); address && !address->unspecified())
    settings.host_ip = ip;
  return settings;
}

GatewayMode NetworkOptions::mode(int family) const { return family == AF_INET ? mode4 : mode6; }

NetworkOptions parse_options(const network::v1::NetworkSpec& spec, const Settings& settings) {
  NetworkOptions out;
  out.default_bridge = read_bool(spec.options, kDefaultBridge, false);
  out.interface = value_of(spec.options, kName);
  if (out.interface.empty()) out.interface = out.default_bridge ? kDefaultInterface : "br-" + spec.id.substr(0, 12);
  check_interface(out.interface);
  out.icc = read_bool(spec.options, kIcc, true);
  out.masquerade = read_bool(spec.options, kMasquerade, true);
  out.mtu = read_mtu(spec.options, kMtu, 0);
  out.default_host_ip = read_host_binding(spec.options);
  out.guarded = read_firewall(spec.options);
  out.anti_spoofing = read_bool(spec.options, kAntiSpoofing, false);
  out.inhibit_ipv4 = read_bool(spec.options, kInhibitIpv4, false);
  out.mode4 = read_mode(spec.options, kMode4);
  out.mode6 = read_mode(spec.options, kMode6);
  if (!spec.internal && (out.mode4 == GatewayMode::isolated || out.mode6 == GatewayMode::isolated)) {
    throw Error{Errc::invalid, "gateway mode 'isolated' can only be used for an internal network"};
  }
  if (out.anti_spoofing && !settings.rules) {
    throw Error{Errc::unsupported, std::string(kAntiSpoofing) + " needs rules, and the daemon's iptables is false"};
  }
  out.trusted = read_interfaces(value_of(spec.options, kTrusted));
  if (out.default_bridge) {
    out.icc = out.icc && settings.icc;
    out.masquerade = out.masquerade && settings.masquerade;
    if (settings.mtu > 0) out.mtu = settings.mtu;
    if (!settings.host_ip.empty()) out.default_host_ip = settings.host_ip;
  }
  return out;
}

}  // namespace gantry::bridge
