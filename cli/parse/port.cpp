#include "parse/port.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

struct Range {
  unsigned first = 0;
  unsigned last = 0;
  [[nodiscard]] unsigned size() const { return last - first; }
};

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || value > 65535) return std::nullopt;
  return value;
}

std::optional<Range> parse_range(const std::string& text) {
  const auto dash = cut(text, '-');
  const auto first = parse_number(dash ? dash->first : text);
  const auto last = dash ? parse_number(dash->second) : first;
  if (!first || !last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

bool is_reversed(const std::string& text) {
  const auto dash = cut(text, '-');
  const auto first = dash ? parse_number(dash->first) : std::nullopt;
  const auto last = dash ? parse_number(dash->second) : std::nullopt;
  return first && last && *last < *first;
}

struct Target {
  std::string ports;
  std::string protocol;
};

Target split_protocol(const std::string& text) {
  const auto slash = cut(text, '/');
  if (!slash) return {text, "tcp"};
  return {slash->first, slash->second.empty() ? "tcp" : slash->second};
}

void check_protocol(const std::string& protocol) {
  const std::string name = lower(protocol);
  if (name != "tcp" && name != "udp" && name != "sctp") throw InvalidValue("invalid proto: " + protocol);
}

void check_address(std::string& address) {
  if (address.size() > 1 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  if (address.empty() || ::inet_pton(AF_INET, address.c_str(), parsed.data()) == 1 ||
      ::inet_pton(AF_INET6, address.c_str(), parsed.data()) == 1) {
    return;
  }
  throw InvalidValue("invalid IP address: " + address);
}

// "published=8080,target=80,protocol=tcp" in the short form.
std::string to_short_form(const std::string& spec) {
  if (spec.find('=') == std::string::npos) return spec;
  std::string published;
  std::string target;
  std::string protocol = "tcp";
  for (const std::string& field : split(spec, ',')) {
    const auto pair = cut(field, '=');
    if (!pair || pair->first.empty() || pair->second.empty()) {
      throw InvalidValue("invalid publish opts format (should be name=value but got '" + field + "')");
    }
    if (pair->first == "published") published = pair->second;
    if (pair->first == "target") target = pair->second;
    if (pair->first == "protocol") protocol = pair->second;
  }
  return published + ":" + target + "/" + protocol;
}

void add_published(const std::string& spec, Ports& ports) {
  std::vector<std::string> parts = split(spec, ':');
  const Target target = split_protocol(parts.back());
  parts.pop_back();
  std::string host_port = parts.empty() ? "" : parts.back();
  if (!parts.empty()) parts.pop_back();
  std::string address;
  for (std::size_t i = 0; i < parts.size(); ++i) address += (i == 0 ? "" : ":") + parts[i];
  check_address(address);
  if (target.ports.empty()) throw InvalidValue("no port specified: " + spec + "<empty>");
  const auto inside = parse_range(target.ports);
  if (!inside) throw InvalidValue("invalid containerPort: " + target.ports);
  Range outside;
  if (!host_port.empty()) {
    const auto range = parse_range(host_port);
    if (!range) throw InvalidValue("invalid hostPort: " + host_port);
    outside = *range;
    if (inside->size() != outside.size() && inside->size() != 0) {
      throw InvalidValue("invalid ranges specified for container and host Ports: " + target.ports + " and " +
                         host_port);
    }
  }
  check_protocol(target.protocol);
  for (unsigned i = 0; i <= inside->size(); ++i) {
    const std::string name = std::to_string(inside->first + i) + "/" + lower(target.protocol);
    std::string bound = host_port.empty() ? "" : std::to_string(outside.first + i);
    if (!host_port.empty() && inside->size() == 0 && outside.size() != 0) bound += "-" + std::to_string(outside.last);
    (*ports.exposed)[name] = Json::object();
    (*ports.bindings)[name].push_back({{"HostIp", address}, {"HostPort", bound}});
  }
}

void add_exposed(const std::string& spec, Ports& ports) {
  if (spec.find(':') != std::string::npos) throw InvalidValue("invalid port format for --expose: " + spec);
  const Target target = split_protocol(spec);
  const auto range = parse_range(target.ports);
  if (!range) {
    throw InvalidValue("invalid range format for --expose: " + spec +
                       (target.ports.empty() ? ", error: empty string specified for ports"
                        : is_reversed(target.ports)
                            ? ", error: invalid range specified for port: " + target.ports
                            : ", error: strconv.ParseUint: parsing \"" + target.ports + "\": invalid syntax"));
  }
  check_protocol(target.protocol);
  for (unsigned port = range->first; port <= range->last; ++port) {
    (*ports.exposed)[std::to_string(port) + "/" + target.protocol] = Json::object();
  }
}

}  // namespace

Ports::Ports() : exposed(std::make_unique<Json>(Json::object())), bindings(std::make_unique<Json>(Json::object())) {}
Ports::~Ports() = default;
Ports::Ports(Ports&&) noexcept = default;

Ports parse_ports(const std::vector<std::string>& publish, const std::vector<std::string>& expose) {
  Ports ports;
  for (const std::string& spec : publish) add_published(to_short_form(spec), ports);
  for (const std::string& spec : expose) add_exposed(spec, ports);
  return ports;
}

}  // namespace gantry::cli
