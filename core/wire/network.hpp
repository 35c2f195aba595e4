#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// The API's structs about networks and their JSON (definitions Network, NetworkCreateRequest, EndpointSettings...).
namespace gantry::wire {

struct IpamConfig {
  std::string subnet;
  std::string ip_range;
  std::string gateway;
  std::map<std::string, std::string> auxiliary_addresses;
};

struct Ipam {
  std::string driver{"default"};
  std::optional<std::map<std::string, std::string>> options;  ///< null in JSON if nothing.
  std::optional<std::vector<IpamConfig>> config;              ///< null in JSON if nothing.
};

/// One container on a network.
struct NetworkContainer {
  std::string name;
  std::string endpoint_id;
  std::string mac_address;
  std::string ipv4_address;  ///< With prefix length.
  std::string ipv6_address;
};

/// How full a subnet is.
struct SubnetStatus {
  std::uint64_t ips_in_use{};
  std::uint64_t dynamic_ips_available{};
};

struct Network {
  std::string name;
  std::string id;
  std::string created;
  std::string scope{"local"};
  std::string driver;
  bool enable_ipv4{true};
  bool enable_ipv6{};
  Ipam ipam;
  bool internal{};
  bool attachable{};
  bool ingress{};
  bool config_only{};
  std::string config_from;  ///< Name of the network that the configuration was taken from.
  std::map<std::string, NetworkContainer> containers;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
  std::optional<std::map<std::string, SubnetStatus>> ipam_status;  ///< By subnet; where asked for.
};

void to_json(nlohmann::json& json, const Network& network);
void from_json(const nlohmann::json& json, Network& network);

struct NetworkCreateRequest {
  std::string name;
  std::string driver;
  bool internal{};
  bool attachable{};
  bool ingress{};
  bool config_only{};
  std::string config_from;
  std::string scope;
  std::optional<bool> enable_ipv4;
  std::optional<bool> enable_ipv6;
  Ipam ipam;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
};

void to_json(nlohmann::json& json, const NetworkCreateRequest& request);
void from_json(const nlohmann::json& json, NetworkCreateRequest& request);

/// What a user asks for one container on one network, and, in answers, what came of it (definition EndpointSettings).
struct EndpointSettings {
  struct IpamAddresses {
    std::string ipv4_address;
    std::string ipv6_address;
    std::vector<std::string> link_local_ips;
  };
  std::optional<IpamAddresses> ipam;
  std::optional<std::vector<std::string>> links;
  std::optional<std::vector<std::string>> aliases;
  std::string mac_address;
  std::optional<std::map<std::string, std::string>> driver_opts;
  std::int64_t gateway_priority{};
  std::string network_id;
  std::string endpoint_id;
  std::string gateway;
  std::string ip_address;
  std::int64_t ip_prefix_len{};
  std::string ipv6_gateway;
  std::string global_ipv6_address;
  std::int64_t global_ipv6_prefix_len{};
  std::optional<std::vector<std::string>> dns_names;
};

void to_json(nlohmann::json& json, const EndpointSettings& settings);
void from_json(const nlohmann::json& json, EndpointSettings& settings);

}  // namespace gantry::wire
