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

/// What the container gets: the user's values, else the host's without servers that only the host can reach.
ResolvConf effective(const ResolvConfRequest& request) {
  ResolvConf conf = parse_resolv_conf(request.host_file);
  if (!request.dns.empty()) conf.servers = request.dns;
  if (!request.search.empty()) conf.search = request.search;
  if (request.search.size() == 1 && request.search.front() == ".") conf.search.clear();
  if (!request.options.empty()) conf.options = request.options;
  if (request.resolver) {
    conf.servers = {"127.0.0.11"};
    const bool has_ndots = std::any_of(conf.options.begin(), conf.options.end(),
                                       [](const std::string& option) { return option.starts_with("ndots:"); });
    if (!has_ndots) conf.options.emplace_back("ndots:0");
    return conf;
  }
  if (request.dns.empty()) std::erase_if(conf.servers, is_loopback);
  return conf;
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
    }
  }
  return conf;
}

std::string resolv_conf(const ResolvConfRequest& request) {
  const ResolvConf conf = effective(request);
  std::string text =
      "# Generated by gantry.\n"
      "# This file can be edited; it is written anew when the container starts.\n\n";
  for (const std::string& server : conf.servers) text += "nameserver " + server + "\n";
  if (!conf.search.empty()) text += "search" + joined(conf.search) + "\n";
  if (!conf.options.empty()) text += "options" + joined(conf.options) + "\n";
  return text;
}

}  // namespace gantry::networks
