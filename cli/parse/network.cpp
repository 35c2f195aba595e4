#include "parse/network.hpp"

#include <arpa/inet.h>

#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "command/flags.hpp"
#include "format/go_value.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, text.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), parsed.data()) == 1;
}

void set_field(NetworkSpec& spec, const std::string& key, const std::string& value) {
  Json& endpoint = *spec.endpoint;
  if (key == "name") {
    spec.name = value;
  } else if (key == "alias") {
    endpoint["Aliases"].push_back(value);
  } else if (key == "ip") {
    endpoint["IPAMConfig"]["IPv4Address"] = value;
  } else if (key == "ip6") {
    endpoint["IPAMConfig"]["IPv6Address"] = value;
  } else if (key == "link-local-ip") {
    endpoint["IPAMConfig"]["LinkLocalIPs"].push_back(value);
  } else if (key == "mac-address") {
    endpoint["MacAddress"] = value;
  } else if (key == "gw-priority") {
    try {
      endpoint["GwPriority"] = parse_integer(value);
    } catch (const InvalidValue&) {
      throw InvalidValue("invalid gw-priority (" + value + "): invalid syntax");
    }
  } else if (key == "driver-opt") {
    const auto option = cut(value, '=');
    if (!option) throw InvalidValue("invalid key value pair format in driver options");
    endpoint["DriverOpts"][trimmed(option->first)] = trimmed(option->second);
  } else {
    throw InvalidValue("invalid field key " + key);
  }
}

}  // namespace

NetworkSpec::NetworkSpec(std::string network_name, const Json& settings)
    : name(std::move(network_name)), endpoint(std::make_unique<Json>(settings)) {}

NetworkSpec parse_network(const std::string& text) {
  NetworkSpec spec("", Json::object());
  if (text.find('=') == std::string::npos) {
    spec.name = text;
    return spec;
  }
  for (const std::string& field : csv_fields(text)) {
    const auto pair = cut(lower(field), '=');
    if (!pair || pair->first.empty()) throw InvalidValue("invalid field " + field);
    const std::string value = trimmed(std::string_view(field).substr(pair->first.size() + 1));
    set_field(spec, trimmed(pair->first), value);
  }
  if (spec.name.empty()) throw InvalidValue("network name/id is not specified");
  return spec;
}

bool is_user_defined_network(const std::string& name) {
  return !name.empty() && name != "default" && name != "bridge" && name != "host" && name != "none" &&
         !starts_with(name, "container:");
}

std::string parse_extra_host(const std::string& text) {
  auto pair = cut(text, '=');
  if (!pair) pair = cut(text, ':');
  if (!pair || pair->first.empty()) throw InvalidValue("bad format for add-host: " + go_quote(text));
  std::string address = pair->second;
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  if (address != "host-gateway" && !is_address(address)) {
    throw InvalidValue("invalid IP address in add-host: " + go_quote(pair->second));
  }
  return pair->first + ":" + address;
}

std::string parse_dns_address(const std::string& text) {
  const std::string address = trimmed(text);
  if (!is_address(address)) throw InvalidValue("IP address is not correctly formatted: " + address);
  return address;
}

std::string parse_dns_search(const std::string& text) {
  const std::string domain = trimmed(text);
  if (domain == ".") return domain;
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  const auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  bool fits = std::any_of(domain.begin(), domain.end(), letter);
  const auto labels = split(domain.ends_with('.') ? domain.substr(0, domain.size() - 1) : domain, '.');
  for (const std::string& label : labels) {
    fits = fits && !label.empty() && word(label.front()) && word(label.back()) &&
           std::all_of(label.begin(), label.end(), [&](char c) { return word(c) || c == '-'; });
  }
  if (!fits) throw InvalidValue(text + " is not a valid domain");
  return domain;
}

std::string parse_link(const std::string& text) {
  const auto parts = split(text, ':');
  if (text.empty()) throw InvalidValue("empty string specified for links");
  if (parts.size() > 2) throw InvalidValue("bad format for links: " + text);
  return text;
}

bool is_mac_address(const std::string& text) {
  const auto bytes = split(text, text.find('-') != std::string::npos ? '-' : ':');
  if (bytes.size() != 6 && bytes.size() != 8) return false;
  for (const std::string& byte : bytes) {
    if (byte.size() != 2 || std::isxdigit(static_cast<unsigned char>(byte[0])) == 0 ||
        std::isxdigit(static_cast<unsigned char>(byte[1])) == 0) {
      return false;
    }
  }
  return true;
}

}  // namespace gantry::cli
