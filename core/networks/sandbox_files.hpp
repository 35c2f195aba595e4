#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What /etc/hosts and /etc/resolv.conf of a container say. Text in, text out.
namespace gantry::networks {

struct HostsRequest {
  std::string host_file;  ///< On the host's network: its /etc/hosts, in place of the usual first lines.
  std::string hostname;
  std::string domainname;
  std::vector<std::string>
      addresses;  ///< The container's own, the default endpoint's first; empty before it is attached.
  std::vector<std::string>
      extra_hosts;  ///< "name:address" or "name=address"; an address of "host-gateway" is replaced.
  std::vector<std::string> host_gateways;  ///< Addresses of the host as containers see it; empty: unknown.
  /// Links of the default bridge: address, then names ("172.17.0.3 db 0123456789ab").
  std::vector<std::string> link_lines;
};

/// Errors: invalid (an extra host).
std::string hosts_file(const HostsRequest& request);

/// The line of one address of the container's own.
std::string hosts_line(const std::string& address, const std::string& hostname, const std::string& domainname);

/// A file without the lines of one address.
std::string without_address(const std::string& hosts, const std::string& address);

struct ResolvConfRequest {
  std::string host_path = "/etc/resolv.conf";  ///< Where the host's is.
  std::string host_file;                       ///< Its content.
  bool resolver{};                             ///< Names resolve at 127.0.0.11 (user-defined networks).
  bool on_host{};                              ///< On the host's network: its servers are reached as they are.
  bool ipv6{};                                 ///< There is IPv6 inside.
  std::vector<std::string> dns;                ///< --dns: in place of the host's servers.
  std::vector<std::string> search;             ///< --dns-search; a single "." means none.
  std::vector<std::string> options;            ///< --dns-option.
};

/// Its last lines tell where it comes from, as dockerd's do.
std::string resolv_conf(const ResolvConfRequest& request);

/// The parts of a resolv.conf.
struct ResolvConf {
  std::vector<std::string> servers;
  std::vector<std::string> search;
  std::vector<std::string> options;
  std::vector<std::string> others;  ///< Lines that say something else.
};
ResolvConf parse_resolv_conf(std::string_view text);

}  // namespace gantry::networks
