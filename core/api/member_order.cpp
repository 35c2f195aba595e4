#include "api/member_order.hpp"

#include <nlohmann/json.hpp>

namespace gantry::api {

namespace {

nlohmann::ordered_json arrange(const nlohmann::json& value, MemberOrder order) {
  if (value.is_array()) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const auto& item : value) out.push_back(arrange(item, order));
    return out;
  }
  if (!value.is_object()) return nlohmann::ordered_json(value);
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const std::string_view name : order) {
    if (const auto found = value.find(name); found != value.end()) out[std::string{name}] = arrange(*found, order);
  }
  for (const auto& [name, member] : value.items()) {
    if (!out.contains(name)) out[name] = arrange(member, order);
  }
  return out;
}

}  // namespace

const MemberOrder kNetworkOrder{"Name",       "Id",         "Created",    "Scope",      "Driver",      "EnableIPv4",
                                "EnableIPv6", "IPAM",       "Internal",   "Attachable", "Ingress",     "ConfigFrom",
                                "ConfigOnly", "Containers", "EndpointID", "MacAddress", "IPv4Address", "IPv6Address",
                                "Options",    "Labels",     "Config",     "Subnet",     "IPRange",     "Gateway"};

const MemberOrder kImageOrder{
    "Id",           "RepoTags",     "RepoDigests", "Parent",       "Comment",    "Created",     "DockerVersion",
    "Author",       "Config",       "Hostname",    "Domainname",   "User",       "AttachStdin", "AttachStdout",
    "AttachStderr", "ExposedPorts", "Tty",         "OpenStdin",    "StdinOnce",  "Env",         "Cmd",
    "Healthcheck",  "ArgsEscaped",  "Image",       "Volumes",      "WorkingDir", "Entrypoint",  "OnBuild",
    "Labels",       "StopSignal",   "Shell",       "Architecture", "Variant",    "Os",          "OsVersion",
    "Size",         "VirtualSize",  "GraphDriver", "RootFS",       "Type",       "Layers",      "Metadata"};

const MemberOrder kDiskUsageOrder{"LayersSize", "Images", "Containers", "Volumes", "BuildCache"};

Response json_in_order(const nlohmann::json& body, MemberOrder order) {
  Response response = Response::json(nullptr);
  response.body = arrange(body, order).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return response;
}

}  // namespace gantry::api
