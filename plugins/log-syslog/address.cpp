#include "address.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::log_syslog {

namespace {

constexpr const char* kDefaultPort = "514";

[[noreturn]] void refuse(const std::string& reason) { throw Error{Errc::invalid, reason}; }

std::string lower_case_error(int number) {
  std::string text = std::strerror(number);
  std::transform(text.begin(), text.begin() + 1, text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return text;
}

void split_host(const std::string& rest, Address& out) {
  const std::string host_and_port = rest.substr(0, rest.find('/'));
  if (host_and_port.starts_with('[')) {
    const std::size_t end = host_and_port.find(']');
    if (end == std::string::npos) refuse("address " + host_and_port + ": missing ']' in address");
    out.place = host_and_port.substr(1, end - 1);
    if (end + 1 < host_and_port.size() && host_and_port[end + 1] == ':') out.port = host_and_port.substr(end + 2);
  } else {
    const std::size_t colon = host_and_port.find(':');
    if (colon != host_and_port.rfind(':')) refuse("address " + host_and_port + ": too many colons in address");
    out.place = host_and_port.substr(0, colon);
    if (colon != std::string::npos) out.port = host_and_port.substr(colon + 1);
  }
  if (out.port.empty()) out.port = kDefaultPort;
}

}  // namespace

Address parse_address(const std::string& text) {
  if (text.empty()) return {"local", "", ""};
  const std::size_t end = text.find("://");
  Address out;
  out.protocol = end == std::string::npos ? "" : text.substr(0, end);
  const std::string rest = end == std::string::npos ? text : text.substr(end + 3);
  if (out.protocol == "unix" || out.protocol == "unixgram") {
    struct stat facts {};
    if (::stat(rest.c_str(), &facts) != 0) refuse("stat " + rest + ": " + lower_case_error(errno));
    out.place = rest;
    return out;
  }
  if (out.protocol != "udp" && out.protocol != "tcp" && out.protocol != kTls)
    refuse("unsupported scheme: '" + out.protocol + "'");
  split_host(rest, out);
  return out;
}

}  // namespace gantry::log_syslog
