#pragma once

#include <memory>
#include <string>

#include "json.hpp"

namespace gantry::cli {

/// One `--network`: the name and the API's EndpointSettings with what it says beside the name. Throws InvalidValue.
struct NetworkSpec {
  NetworkSpec(std::string name, const Json& settings);

  std::string name;
  std::unique_ptr<Json> endpoint;
};
NetworkSpec parse_network(const std::string& text);
/// Whether the name is none of default, bridge, host, none and container:ID.
bool is_user_defined_network(const std::string& name);

/// "host:ip" or "host=ip" as "host:ip". Throws InvalidValue.
std::string parse_extra_host(const std::string& text);
std::string parse_dns_address(const std::string& text);
std::string parse_dns_search(const std::string& text);
std::string parse_link(const std::string& text);
bool is_mac_address(const std::string& text);

}  // namespace gantry::cli
