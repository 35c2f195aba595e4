#include "address.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "gantry/error.hpp"
#include "log_servers/dial.hpp"

namespace gantry::log_syslog {

namespace {

constexpr const char* kDefaultPort = "514";

[[noreturn]] void refuse(const std::string& reason) { throw Error{Errc::invalid, reason}; }

}  // namespace

Address parse_address(const std::string& text) {
  if (text.empty()) return {"local", "", ""};
  const std::size_t end = text.find("://");
  Address out;
  out.protocol = end == std::string::npos ? "" : text.substr(0, end);
  const std::string rest = end == std::string::npos ? text : text.substr(end + 3);
  if (out.protocol == "unix" || out.protocol == "unixgram") {
    struct stat facts {};
    if (::stat(rest.c_str(), &facts) != 0) refuse("stat " + rest + ": " + log_servers::error_text(errno));
    out.place = rest;
    return out;
  }
  if (out.protocol != "udp" && out.protocol != "tcp" && out.protocol != kTls)
    refuse("unsupported scheme: '" + out.protocol + "'");
  log_servers::HostPort server = log_servers::split_host_port(rest.substr(0, rest.find('/')));
  out.place = std::move(server.host);
  out.port = server.port.empty() ? kDefaultPort : std::move(server.port);
  return out;
}

}  // namespace gantry::log_syslog
