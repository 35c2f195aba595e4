#include "api/as_of.hpp"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "networks/service.hpp"

namespace gantry::api {

namespace {

using Json = nlohmann::ordered_json;

void erase_all(Json& from, std::initializer_list<const char*> names) {
  for (const char* name : names) from.erase(name);
}

bool is_blank(const nlohmann::json& value) {
  return value.is_null() || value.empty() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

void show_networks_as_of(Version version, Json& networks) {
  if (version >= Version{1, 48} || !networks.is_object()) return;
  for (auto& [network, endpoint] : networks.items()) endpoint.erase("GwPriority");
}

// Before the API told of DNS names, the id and the hostname were aliases on the user's networks.
void add_dns_names(Json& networks, const std::string& id, const Json& hostname) {
  const std::string short_id = id.substr(0, 12);
  for (auto& [network, endpoint] : networks.items()) {
    if (networks::Service::predefined(network)) continue;
    endpoint["Aliases"].push_back(short_id);
    if (!is_blank(hostname) && hostname != short_id) endpoint["Aliases"].push_back(hostname);
  }
}

}  // namespace

void show_container_as_of(Version version, Json& details, const std::string& id) {
  Json& settings = details["NetworkSettings"];
  if (version < Version{1, 45}) add_dns_names(settings["Networks"], id, details["Config"]["Hostname"]);
  show_networks_as_of(version, settings["Networks"]);
  if (version < Version{1, 52}) return;
  erase_all(settings, {"Bridge", "HairpinMode", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen",
                       "SecondaryIPAddresses", "SecondaryIPv6Addresses", "EndpointID", "Gateway", "GlobalIPv6Address",
                       "GlobalIPv6PrefixLen", "IPAddress", "IPPrefixLen", "IPv6Gateway", "MacAddress"});
  details["HostConfig"].erase("KernelMemoryTCP");
  details["Config"].erase("MacAddress");
  if (is_blank(details["Config"]["OnBuild"])) details["Config"].erase("OnBuild");
}

void show_summary_as_of(Version version, Json& summary) {
  show_networks_as_of(version, summary["NetworkSettings"]["Networks"]);
  if (version < Version{1, 52}) summary.erase("Health");
}

void show_info_as_of(Version version, Json& info) {
  if (version < Version{1, 25}) {
    info["ExecutionDriver"] = "<not supported>";
    Json plain = Json::array();
    for (const Json& option : info["SecurityOptions"]) {
      // "name=seccomp,profile=builtin"
      const std::string text = option.get<std::string>();
      plain.push_back(text.substr(text.find('=') + 1, text.find(',') - text.find('=') - 1));
    }
    info["SecurityOptions"] = std::move(plain);
  }
  // The kernel has neither limit any more.
  if (version < Version{1, 42}) info["KernelMemory"] = false;
  if (version < Version{1, 52}) info["KernelMemoryTCP"] = false;
  if (version >= Version{1, 49}) {
    erase_all(info["RegistryConfig"],
              {"AllowNondistributableArtifactsCIDRs", "AllowNondistributableArtifactsHostnames"});
    for (const char* commit : {"ContainerdCommit", "RuncCommit", "InitCommit"}) info[commit].erase("Expected");
  }
  if (version < Version{1, 49}) info.erase("FirewallBackend");
  if (version < Version{1, 50}) info.erase("DiscoveredDevices");
  if (version >= Version{1, 50}) erase_all(info, {"BridgeNfIptables", "BridgeNfIp6tables"});
}

void show_image_as_of(Version version, nlohmann::json& image) {
  nlohmann::json& config = image["Config"];
  if (version >= Version{1, 50} && config.is_object()) {
    for (const char* name : {"Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty",
                             "OpenStdin", "StdinOnce", "Image", "NetworkDisabled", "MacAddress", "StopTimeout"}) {
      config.erase(name);
    }
  }
  if (version < Version{1, 52}) return;
  for (const char* name : {"Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "User", "Volumes", "WorkingDir"}) {
    if (config.contains(name) && is_blank(config[name])) config.erase(name);
  }
  for (const char* name : {"Parent", "Comment", "DockerVersion", "Author"}) {
    if (image.contains(name) && is_blank(image[name])) image.erase(name);
  }
}

void show_event_as_of(Version version, Json& event) {
  if (version >= Version{1, 52}) erase_all(event, {"status", "id", "from"});
}

namespace {

struct UsageNames {
  const char* legacy;
  const char* present;
};
constexpr UsageNames kUsageNames[]{{"Images", "ImageUsage"},
                                   {"Containers", "ContainerUsage"},
                                   {"Volumes", "VolumeUsage"},
                                   {"BuildCache", "BuildCacheUsage"}};

std::int64_t size_of(const std::string& kind, const nlohmann::json& item) {
  if (kind == "Containers") return item.value("SizeRw", std::int64_t{});
  if (kind == "Volumes") return std::max<std::int64_t>(item["UsageData"].value("Size", std::int64_t{}), 0);
  return item.value("Size", std::int64_t{});
}

bool is_active(const std::string& kind, const nlohmann::json& item) {
  if (kind == "Containers") {
    const std::string state = item.value("State", "");
    return state == "running" || state == "paused" || state == "restarting";
  }
  if (kind == "Volumes") return item["UsageData"].value("RefCount", 0) > 0;
  if (kind == "BuildCache") return item.value("InUse", false);
  return item.value("Containers", 0) > 0;
}

nlohmann::json usage_of(const std::string& kind, const nlohmann::json& items, std::int64_t layers, bool verbose) {
  std::int64_t total = 0;
  std::int64_t active = 0;
  std::int64_t reclaimable = 0;
  for (const auto& item : items) {
    // What images have is counted with them.
    const std::int64_t size = item.value("Shared", false) ? 0 : size_of(kind, item);
    total += size;
    if (is_active(kind, item)) {
      active += 1;
    } else {
      reclaimable += size;
    }
  }
  // Layers that images share count once.
  if (kind == "Images") {
    const std::int64_t used = total - reclaimable;
    total = layers;
    reclaimable = std::max<std::int64_t>(layers - used, 0);
  }
  nlohmann::json usage{
      {"ActiveCount", active}, {"TotalCount", items.size()}, {"Reclaimable", reclaimable}, {"TotalSize", total}};
  if (verbose) usage["Items"] = items;
  return usage;
}

}  // namespace

void show_disk_usage_as_of(Version version, bool verbose, nlohmann::json& usage) {
  if (version < Version{1, 42}) {
    for (auto& entry : usage["BuildCache"]) {
      if (entry.contains("Parents")) entry["Parent"] = entry["Parents"].front();
      entry.erase("Parents");
    }
  }
  if (version < Version{1, 52}) return;
  nlohmann::json present = nlohmann::json::object();
  const std::int64_t layers = usage.value("LayersSize", std::int64_t{});
  for (const auto& [legacy, name] : kUsageNames) {
    if (!usage[legacy].is_null()) present[name] = usage_of(legacy, usage[legacy], layers, verbose);
  }
  if (version >= Version{1, 53} || verbose) {
    usage = std::move(present);
  } else {
    usage.update(present);
  }
}

}  // namespace gantry::api
