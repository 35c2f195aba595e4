#include "settings.hpp"

#include <charconv>
#include <optional>

#include "gantry/error.hpp"
#include "log_subject/option_text.hpp"

namespace gantry::gelf {

namespace {

using log_subject::text_of;

[[noreturn]] void refuse(const std::string& reason) { throw Error{Errc::invalid, reason}; }

std::optional<int> number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void parse_address(const Options& options, Settings& out) {
  const std::string address = text_of(options, "gelf-address");
  if (address.empty()) refuse("gelf-address is a required parameter");
  const std::size_t end = address.find("://");
  out.protocol = end == std::string::npos ? "" : address.substr(0, end);
  if (out.protocol != "udp" && out.protocol != "tcp") refuse("gelf: endpoint needs to be TCP or UDP");
  const std::string rest = address.substr(end + 3);
  out.server = log_servers::split_host_port(rest.substr(0, rest.find('/')));
  if (out.server.port.empty()) refuse("gelf: please provide gelf-address as proto://host:port");
}

Compression parse_compression(const std::string& text) {
  if (text == "gzip") return Compression::gzip;
  if (text == "zlib") return Compression::zlib;
  if (text == "none") return Compression::none;
  refuse("unknown value \"" + text + "\" for log opt \"gelf-compression-type\" for gelf log driver");
}

int parse_level(const std::string& text) {
  constexpr int kLowest = -1;  // zlib's own choice
  constexpr int kHighest = 9;
  const auto level = number(text);
  if (!level || *level < kLowest || *level > kHighest) {
    refuse("unknown value \"" + text + "\" for log opt \"gelf-compression-level\" for gelf log driver");
  }
  return *level;
}

int parse_tcp_number(const std::string& name, const std::string& text) {
  const auto value = number(text);
  if (!value || *value < 0) refuse("\"" + name + "\" must be a positive integer");
  return *value;
}

}  // namespace

Settings parse_settings(const Options& options) {
  Settings out;
  parse_address(options, out);
  const bool tcp = out.protocol == "tcp";
  for (const auto& [name, value] : options) {
    const bool compression = name == "gelf-compression-type" || name == "gelf-compression-level";
    const bool reconnection = name == "gelf-tcp-max-reconnect" || name == "gelf-tcp-reconnect-delay";
    if (compression && tcp) refuse("compression is only supported on UDP");
    if (reconnection && !tcp) refuse("\"" + name + "\" is only valid for TCP");
    if (name == "gelf-compression-type") out.compression = parse_compression(value);
    if (name == "gelf-compression-level") out.level = parse_level(value);
    if (name == "gelf-tcp-max-reconnect") out.max_reconnect = parse_tcp_number(name, value);
    if (name == "gelf-tcp-reconnect-delay") out.reconnect_delay = std::chrono::seconds{parse_tcp_number(name, value)};
  }
  return out;
}

}  // namespace gantry::gelf
