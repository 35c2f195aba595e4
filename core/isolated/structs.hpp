#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "gantry/driver.hpp"
#include "gantry/ipam.hpp"
#include "gantry/log.hpp"
#include "gantry/mount.hpp"
#include "gantry/network.hpp"
#include "gantry/registry.hpp"
#include "gantry/storage.hpp"
#include "gantry/volume.hpp"

/// The plugin API's structs as messages, each with all of its members: structs_test holds them against each other.
namespace gantry {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OptionInfo, name, type, scope, default_value, help)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Mount, type, source, target, base, options)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Progress, id, action, current, total)

}  // namespace gantry

namespace gantry::volume::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Volume, name, mountpoint, status)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Usage, size)

}  // namespace gantry::volume::v1

namespace gantry::storage::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AppliedLayer, size)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Usage, size, inodes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PrepareOptions, size_limit)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Holdings, layers, keys)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Change, kind, path)

}  // namespace gantry::storage::v1

namespace gantry::network::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Pool, subnet, ip_range, gateway, reserved)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NetworkSpec, id, name, options, pools, internal, ipv6, ipv4, unaddressed, taken,
                                   leased)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Network, pools, interface, no_way_out)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Port, protocol, container_port, host_ip, host_port, host_port_end)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EndpointSpec, id, network_id, container_id, interface, mac, ipv4, ipv6, ports,
                                   options, default_gateway, container_name, link_local)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Endpoint, mac, ipv4, ipv4_prefix, ipv4_gateway, ipv6, ipv6_prefix, ipv6_gateway,
                                   ports, interface)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Endpoints, network_id, endpoint_ids)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Holdings, networks)

}  // namespace gantry::network::v1

namespace gantry::ipam::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NetworkRequest, id, name, options, network_options, pools, ipv4, ipv6, taken)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EndpointRequest, id, network_id, container_id, container_name, mac, ipv4, ipv6)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Addresses, ipv4, ipv6)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Holdings, networks)

}  // namespace gantry::ipam::v1

namespace gantry::registry::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Repository, host, path, transport)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Credentials, username, password, identity_token, registry_token)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Descriptor, media_type, digest, size, urls)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Manifest, media_type, digest, content)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SearchResult, name, description, stars, official)

}  // namespace gantry::registry::v1

namespace gantry::log::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Subject, id, name, image_id, image_name, created, command, env, labels, daemon_name,
                                   directory)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Plan, writer, path, max_size, max_files, compress, attributes, settings,
                                   non_blocking, max_buffer_size, command, head, compressor)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Entry, text, from_stderr, time, partial, last, partial_id, ordinal, attributes)

inline void to_json(nlohmann::json& json, const ReadRequest& request) {
  json = {{"want_stdout", request.want_stdout},
          {"want_stderr", request.want_stderr},
          {"tail", request.tail ? nlohmann::json(*request.tail) : nlohmann::json()},
          {"since", request.since},
          {"until", request.until}};
}

inline void from_json(const nlohmann::json& json, ReadRequest& request) {
  json.at("want_stdout").get_to(request.want_stdout);
  json.at("want_stderr").get_to(request.want_stderr);
  const nlohmann::json& tail = json.at("tail");
  request.tail = tail.is_null() ? std::nullopt : std::optional{tail.get<std::uint64_t>()};
  json.at("since").get_to(request.since);
  json.at("until").get_to(request.until);
}

}  // namespace gantry::log::v1
