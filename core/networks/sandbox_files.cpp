#include "networks/sandbox_files.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <sstream>

#include "gantry/error.hpp"

namespace gantry::networks {
namespace {

constexpr const char* kLocalhost =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

bool is_address(const std::string& text) {
  unsigned char bytes[16];
  const std::string without_zone = text.substr(0, text.find('%'));
  return ::inet_pton(AF_INET, text.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, without_zone.c_str(), bytes) == 1;
}

bool is_loopback(const std::string& server) { return server.starts_with("127.") || server == "::1"; }

std::string extra_host_lines(const std::string& extra, const std::vector<std::string>& host_gateways) {
  const auto separator = extra.find_first_of(":=");
  if (separator == std::string::npos || separator == 0 || extra.find_first_of(" \t\r\n#") != std::string::npos) {
    throw Error{Errc::invalid, "bad format for add-host: \"" + extra + "\""};
  }
  const std::string name = extra.substr(0, separator);
  std::string address = extra.substr(separator + 1);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  if (address == "host-gateway") {
    if (host_gateways.empty()) {
      throw Error{Errc::invalid, "unable to derive the IP value for host-gateway"};
    }
    std::string lines;
    for (const std::string& gateway : host_gateways) lines += gateway + "\t" + name + "\n";
    return lines;
  }
  if (!is_address(address)) throw Error{Errc::invalid, "invalid IP address in add-host: \"" + address + "\""};
  return address + "\t" + name + "\n";
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += " " + word;
  return line;
}

constexpr const char* kResolver = "127.0.0.11";
constexpr const char* kNdots = "ndots:";

/// A resolv.conf, and what its last lines tell of how it came to be, as dockerd's do.
struct Written {
  ResolvConf conf;
  std::string transform;
  std::string warning;
  std::vector<std::string> asked;  ///< By the resolver.
  std::vector<std::string> overrides;
  std::string ndots_from;
};

/// The user's values, else the host's.
Written chosen(const ResolvConfRequest& request) {
  Written out;
  out.conf = parse_resolv_conf(request.host_file);
  const auto override = [&](const std::vector<std::string>& given, std::vector<std::string>& values, const char* name) {
    if (given.empty()) return;
    values = given;
    out.overrides.emplace_back(name);
  };
  override(request.dns, out.conf.servers, "nameservers");
  override(request.search, out.conf.search, "search");
  override(request.options, out.conf.options, "options");
  if (request.search.size() == 1 && request.search.front() == ".") out.conf.search.clear();
  const auto is_ndots = [](const std::string& option) { return option.starts_with(kNdots); };
  std::erase_if(out.conf.options, [&](const std::string& option) {
    return is_ndots(option) &&
           option.find_first_not_of("0123456789", std::string_view{kNdots}.size()) != std::string::npos;
  });
  if (std::any_of(out.conf.options.begin(), out.conf.options.end(), is_ndots)) {
    out.ndots_from = request.options.empty() ? "host" : "override";
  }
  return out;
}

/// Without servers that only the host can reach.
void fit_default_bridge(const ResolvConfRequest& request, Written& out) {
  out.transform = "legacy";
  if (!request.dns.empty()) return;
  std::erase_if(out.conf.servers, [&](const std::string& server) {
    return is_loopback(server) || (!request.ipv6 && server.find(':') != std::string::npos);
  });
  if (!out.conf.servers.empty()) return;
  out.conf.servers = {"8.8.8.8", "8.8.4.4"};
  if (request.ipv6) out.conf.servers.insert(out.conf.servers.end(), {"2001:4860:4860::8888", "2001:4860:4860::8844"});
  out.warning = "Used default nameservers.";
}

void name_resolver(const ResolvConfRequest& request, Written& out) {
  out.transform = "internal resolver";
  for (const std::string& server : out.conf.servers) {
    out.asked.push_back(request.dns.empty() ? "host(" + server + ")" : server);
  }
  if (out.asked.empty()) out.warning = "NO EXTERNAL NAMESERVERS DEFINED";
  out.conf.servers = {kResolver};
  if (!out.ndots_from.empty()) return;
  out.conf.options.emplace_back("ndots:0");
  out.ndots_from = "internal";
}

/// "[a b]"
std::string listed(const std::vector<std::string>& words) {
  const std::string line = joined(words);
  return "[" + line.substr(line.empty() ? 0 : 1) + "]";
}

std::string origin(const Written& written, const std::string& host_path) {
  std::string text = "\n# Based on host file: '" + host_path + "'";
  text += (written.transform.empty() ? "" : " (" + written.transform + ")") + "\n";
  if (!written.warning.empty()) text += "# " + written.warning + "\n";
  if (!written.asked.empty()) text += "# ExtServers: " + listed(written.asked) + "\n";
  text += "# Overrides: " + listed(written.overrides) + "\n";
  if (!written.ndots_from.empty()) text += "# Option ndots from: " + written.ndots_from + "\n";
  return text;
}

}  // namespace

std::string hosts_line(const std::string& address, const std::string& hostname, const std::string& domainname) {
  // The user may have given a full name in one of them or in both.
  const std::string full = domainname.empty() ? hostname : hostname + "." + domainname;
  const auto dot = full.find('.');
  return address + "\t" + full + (dot == std::string::npos ? "" : " " + full.substr(0, dot)) + "\n";
}

std::string without_address(const std::string& hosts, const std::string& address) {
  std::string out;
  std::istringstream lines{hosts};
  for (std::string line; std::getline(lines, line);) {
    if (line.substr(0, line.find_first_of(" \t")) != address) out += line + "\n";
  }
  return out;
}

std::string hosts_file(const HostsRequest& request) {
  std::string text = request.host_file;
  if (text.empty()) text = kLocalhost;
  for (const std::string& extra : request.extra_hosts) text += extra_host_lines(extra, request.host_gateways);
  for (const std::string& line : request.link_lines) {
    const auto space = line.find(' ');
    text += line.substr(0, space) + "\t" + (space == std::string::npos ? "" : line.substr(space + 1)) + "\n";
  }
  for (const std::string& address : request.addresses) {
    text += hosts_line(address, request.hostname, request.domainname);
  }
  return text;
}

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf conf;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    if (const auto comment = line.find_first_of("#;"); comment != std::string::npos) line.erase(comment);
    std::istringstream words{line};
    std::string keyword;
    words >> keyword;
    std::vector<std::string> values;
    for (std::string word; words >> word;) values.push_back(word);
    if (keyword == "nameserver" && !values.empty() && is_address(values.front())) {
      conf.servers.push_back(values.front());
    } else if (keyword == "search" || keyword == "domain") {
      conf.search = values;
    } else if (keyword == "options") {
      conf.options.insert(conf.options.end(), values.begin(), values.end());
    } else if (!keyword.empty() && keyword != "nameserver") {
      conf.others.push_back(keyword + joined(values));
    }
  }
  return conf;
}

std::string resolv_conf(const ResolvConfRequest& request) {
  Written written = chosen(request);
  if (request.resolver) {
    name_resolver(request, written);
  } else if (!request.on_host) {
    fit_default_bridge(request, written);
  }
  const ResolvConf& conf = written.conf;
  std::string text =
      "# Generated by gantry.\n"
      "# This file can be edited; it is written anew when the container starts.\n\n";
  for (const std::string& server : conf.servers) text += "nameserver " + server + "\n";
  if (!conf.search.empty()) text += "search" + joined(conf.search) + "\n";
  if (!conf.options.empty()) text += "options" + joined(conf.options) + "\n";
  for (const std::string& line : conf.others) text += line + "\n";
  return text + origin(written, request.host_path);
}

}  // namespace gantry::networks
