#include "net_link/sandbox_link.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <functional>
#include <sstream>

#include "gantry/error.hpp"
#include "net_link/link.hpp"

namespace gantry::net_link {
namespace {

constexpr int kLinkLocalPrefix4 = 16;  // 169.254.0.0/16, RFC 3927
constexpr int kLinkLocalPrefix6 = 64;  // RFC 4291
constexpr int kLoopbackIndex = 1;      // the first interface of every namespace

constexpr const char* kSysctls = "com.docker.network.endpoint.sysctls";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream items(text);
  for (std::string part; std::getline(items, part, separator);) parts.push_back(part);
  return parts;
}

/// It becomes a part of a path.
bool is_word(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

}  // namespace

std::vector<Sysctl> interface_sysctls(const Options& options, const std::string& interface) {
  std::vector<Sysctl> out;
  const auto given = options.find(kSysctls);
  if (given == options.end()) return out;
  std::istringstream items(given->second);
  for (std::string item; std::getline(items, item, ',');) {
    const auto equals = item.find('=');
    const std::vector<std::string> parts = split(item.substr(0, equals), '.');
    const bool right = equals != std::string::npos && parts.size() == 5 && parts[0] == "net" && parts[3] == "IFNAME" &&
                       std::none_of(parts.begin(), parts.end(), [](const std::string& part) { return !is_word(part); });
    if (!right) {
      throw Error{Errc::invalid,
                  "invalid endpoint settings:\nunrecognised interface sysctl \"" + item +
                      "\": net.ipv4.conf.IFNAME.name=value, net.ipv6.conf.* or net.mpls.conf.* was expected"};
    }
    out.push_back({parts[1] + "/" + parts[2] + "/" + interface + "/" + parts[4], item.substr(equals + 1)});
  }
  return out;
}

void add_link_local(const std::vector<std::string>& addresses, SandboxLink& link) {
  for (const std::string& text : addresses) {
    const auto address = parse_address(text);
    if (!address) throw Error{Errc::invalid, "invalid link-local IP address: " + text};
    link.addresses.push_back({*address, address->family == AF_INET ? kLinkLocalPrefix4 : kLinkLocalPrefix6});
  }
}

std::string fingerprint(const SandboxLink& link, int netns) {
  struct stat space {};
  if (::fstat(netns, &space) != 0) throw Error{Errc::io, std::string("network namespace: ") + std::strerror(errno)};
  std::ostringstream text;
  text << space.st_dev << ' ' << space.st_ino << ' ' << link.interface << ' ' << link.ipv6;
  for (const Cidr& address : link.addresses) text << " address " << address.address.text() << "/" << address.prefix;
  for (const Address& gateway : link.default_gateways) text << " gateway " << gateway.text();
  for (const int family : link.default_families) text << " family " << family;
  for (const Sysctl& sysctl : link.sysctls) text << " sysctl " << sysctl.path << '=' << sysctl.value;
  return std::to_string(std::hash<std::string>{}(text.str()));
}

void configure_sandbox(const SandboxLink& link) {
  // Before the link is up: else it gets a link-local address that nobody asked for. A kernel without IPv6 has no such
  // file.
  write_sysctl("ipv6/conf/" + link.interface + "/disable_ipv6", link.ipv6 ? "0" : "1");
  Netlink netlink;
  const auto found = netlink.find(link.interface);
  if (!found) throw Error{Errc::io, "interface " + link.interface + " is not in the container's namespace"};
  netlink.set_up(kLoopbackIndex);
  for (const Sysctl& sysctl : link.sysctls) {
    if (write_sysctl(sysctl.path, sysctl.value)) continue;
    throw Error{Errc::invalid, "sysctl net/" + sysctl.path + " can't be set to \"" + sysctl.value +
                                   "\" for interface " + link.interface};
  }
  for (const Cidr& address : link.addresses) netlink.add_address(found->index, address);
  if (!found->up) netlink.set_up(found->index);
  for (const Address& gateway : link.default_gateways) netlink.set_default_route(found->index, gateway);
  for (const int family : link.default_families) netlink.set_default_route(found->index, {family, 0});
}

}  // namespace gantry::net_link
