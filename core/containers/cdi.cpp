#include "containers/cdi.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/file.hpp"
#include "base/yaml.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

using Json = nlohmann::json;

constexpr const char* kGpu = "nvidia.com/gpu";
constexpr std::size_t kLargestSpec = std::size_t{4} << 20;

[[noreturn]] void refuse_cdi(const std::string& why) {
  throw Error{Errc::invalid, "CDI device injection failed: " + why};
}

std::optional<Json> read_spec(const std::filesystem::path& file) {
  try {
    const std::string text = read_file(file.string(), kLargestSpec);
    Json spec = file.extension() == ".json" ? Json::parse(text, nullptr, false) : parse_yaml(text);
    if (spec.is_object() && spec.value("kind", "").find('/') != std::string::npos) return spec;
  } catch (const std::exception&) {
    // One file that is wrong does not take the devices of the others away, as in dockerd.
  }
  return std::nullopt;
}

// Files of later folders come first: theirs win.
std::vector<Json> read_specs(const std::vector<std::string>& folders) {
  std::vector<Json> specs;
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    std::vector<std::filesystem::path> files;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(*folder, failed)) {
      const auto type = entry.path().extension();
      if (type == ".json" || type == ".yaml" || type == ".yml") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      if (auto spec = read_spec(file)) specs.push_back(std::move(*spec));
    }
  }
  return specs;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

const Json* find_device(const std::vector<Json>& specs, const std::string& name, const Json*& spec) {
  const std::size_t equals = name.find('=');
  for (const Json& candidate : specs) {
    if (candidate.value("kind", "") != name.substr(0, equals) || !candidate.contains("devices")) continue;
    for (const Json& device : candidate["devices"]) {
      if (!device.is_object() || !device.contains("name") || text_of(device["name"]) != name.substr(equals + 1))
        continue;
      spec = &candidate;
      return &device;
    }
  }
  return nullptr;
}

void take_nodes(const Json& nodes, CdiEdits& edits) {
  for (const Json& node : nodes) {
    wire::DeviceMapping device;
    device.path_in_container = node.value("path", "");
    device.path_on_host = node.value("hostPath", device.path_in_container);
    device.cgroup_permissions = node.value("permissions", "rwm");
    edits.devices.push_back(std::move(device));
  }
}

void take_mounts(const Json& mounts, CdiEdits& edits) {
  for (const Json& wanted : mounts) {
    Mount mount{"bind", wanted.value("hostPath", ""), wanted.value("containerPath", ""), "", {}};
    for (const Json& option : wanted.value("options", Json::array())) {
      if (option.is_string()) mount.options.push_back(option.get<std::string>());
    }
    const bool recursive = std::any_of(mount.options.begin(), mount.options.end(),
                                       [](const std::string& option) { return option == "bind" || option == "rbind"; });
    if (!recursive) mount.options.insert(mount.options.begin(), "rbind");
    edits.mounts.push_back(std::move(mount));
  }
}

void take_edits(const Json& owner, CdiEdits& edits) {
  const Json own = owner.value("containerEdits", Json::object());
  if (!own.is_object()) return;
  for (const Json& variable : own.value("env", Json::array())) edits.env.push_back(text_of(variable));
  take_nodes(own.value("deviceNodes", Json::array()), edits);
  take_mounts(own.value("mounts", Json::array()), edits);
  if (!own.value("hooks", Json::array()).empty()) edits.wants_hooks = true;
}

std::size_t count_gpus(const std::vector<std::string>& folders) {
  std::size_t count = 0;
  for (const Json& spec : read_specs(folders)) {
    if (spec.value("kind", "") == kGpu && spec.contains("devices")) count += spec["devices"].size();
  }
  return count;
}

bool asks_for_gpu(const wire::DeviceRequest& request) {
  if (!request.driver.empty() && request.driver != "nvidia") return false;
  return std::any_of(request.capabilities.begin(), request.capabilities.end(),
                     [](const auto& group) { return std::find(group.begin(), group.end(), "gpu") != group.end(); });
}

}  // namespace

std::vector<std::string> cdi_names(const std::vector<wire::DeviceRequest>& requests,
                                   std::vector<wire::DeviceRequest>& rest, const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  std::optional<std::size_t> gpus;
  for (const auto& request : requests) {
    if (request.driver == "cdi" && !request.device_ids.empty()) {
      names.insert(names.end(), request.device_ids.begin(), request.device_ids.end());
      continue;
    }
    if (asks_for_gpu(request) && !gpus) gpus = count_gpus(folders);
    if (!asks_for_gpu(request) || *gpus == 0) {
      rest.push_back(request);
      continue;
    }
    const auto add = [&](const std::string& device) { names.push_back(std::string(kGpu) + "=" + device); };
    for (const std::string& device : request.device_ids) add(device);
    if (request.count < 0) add("all");
    // Of so many one is missing already, which is what is told.
    const auto count = std::min(static_cast<std::size_t>(std::max(request.count, 0)), *gpus + 1);
    for (std::size_t number = 0; number < count; ++number) add(std::to_string(number));
  }
  return names;
}

CdiEdits named_devices(const std::vector<wire::DeviceRequest>& requests, const std::vector<std::string>& folders) {
  std::vector<wire::DeviceRequest> rest;
  const auto names = cdi_names(requests, rest, folders);
  if (rest.empty()) return cdi_edits(names, folders);
  std::string wanted;
  for (const auto& group : rest.front().capabilities) {
    wanted += wanted.empty() ? "[" : " [";
    for (std::size_t at = 0; at < group.size(); ++at) wanted += (at == 0 ? "" : " ") + group[at];
    wanted += "]";
  }
  throw Error{Errc::invalid,
              "could not select device driver \"" + rest.front().driver + "\" with capabilities: [" + wanted + "]"};
}

std::vector<std::string> all_cdi_names(const std::vector<std::string>& folders) {
  std::set<std::string> names;
  for (const Json& spec : read_specs(folders)) {
    const auto devices = spec.find("devices");
    if (devices == spec.end()) continue;
    for (const Json& device : *devices) {
      if (!device.is_object() || !device.contains("name")) continue;
      names.insert(spec.value("kind", "") + "=" + text_of(device["name"]));
    }
  }
  return {names.begin(), names.end()};
}

CdiEdits cdi_edits(const std::vector<std::string>& names, const std::vector<std::string>& folders) {
  CdiEdits edits;
  if (names.empty()) return edits;
  const std::vector<Json> specs = read_specs(folders);
  std::string missing;
  std::vector<const Json*> seen;
  try {
    for (const std::string& name : names) {
      const Json* spec = nullptr;
      const Json* device = find_device(specs, name, spec);
      if (device == nullptr) {
        missing += (missing.empty() ? "" : ", ") + name;
        continue;
      }
      if (std::find(seen.begin(), seen.end(), spec) == seen.end()) {
        seen.push_back(spec);
        take_edits(*spec, edits);
      }
      take_edits(*device, edits);
    }
  } catch (const Json::exception& error) {
    refuse_cdi(error.what());
  }
  if (!missing.empty()) refuse_cdi("unresolvable CDI devices " + missing);
  return edits;
}

}  // namespace gantry::containers
