#include "wire/volume.hpp"

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

#include "wire/members.hpp"

namespace gantry::wire {
namespace {

using nlohmann::json;
using Texts = std::map<std::string, std::string>;

template <class T>
json or_null(const T& value) {
  return value.empty() ? json(nullptr) : json(value);
}

}  // namespace

void to_json(json& out, const Volume& volume) {
  out = json{{"CreatedAt", volume.created_at},
             {"Driver", volume.driver},
             {"Labels", or_null(volume.labels)},
             {"Mountpoint", volume.mountpoint},
             {"Name", volume.name},
             {"Options", volume.options ? json(*volume.options) : json(nullptr)},
             {"Scope", volume.scope}};
  if (!volume.status.empty()) out["Status"] = volume.status;
  if (volume.usage) out["UsageData"] = json{{"RefCount", volume.usage->references}, {"Size", volume.usage->size}};
}

void from_json(const json& in, Volume& volume) {
  take(in, "CreatedAt", volume.created_at);
  take(in, "Driver", volume.driver);
  take(in, "Labels", volume.labels);
  take(in, "Mountpoint", volume.mountpoint);
  take(in, "Name", volume.name);
  take(in, "Options", volume.options);
  take(in, "Scope", volume.scope);
  json status;
  take(in, "Status", status);
  for (const auto& [name, value] : status.items())
    volume.status[name] = value.is_string() ? value.get<std::string>() : value.dump();
  json usage;
  take(in, "UsageData", usage);
  if (!usage.is_object()) return;
  volume.usage.emplace();
  take(usage, "Size", volume.usage->size);
  take(usage, "RefCount", volume.usage->references);
}

void to_json(json& out, const VolumeCreateRequest& request) {
  out = json::object();
  if (!request.name.empty()) out["Name"] = request.name;
  if (!request.driver.empty()) out["Driver"] = request.driver;
  if (request.options) out["DriverOpts"] = *request.options;
  if (!request.labels.empty()) out["Labels"] = request.labels;
}

void from_json(const json& in, VolumeCreateRequest& request) {
  take(in, "Name", request.name);
  take(in, "Driver", request.driver);
  take(in, "DriverOpts", request.options);
  take(in, "Labels", request.labels);
  // Of a swarm's: what it says is of no use here, but it must say it well.
  if (const auto cluster = in.find("ClusterVolumeSpec"); cluster != in.end() && !cluster->is_null()) {
    expect_object(*cluster);
  }
}

void to_json(json& out, const VolumeCloneRequest& request) {
  out = json{
      {"Name", request.name}, {"Labels", request.labels}, {"Snapshot", request.snapshot}, {"Force", request.force}};
}

void from_json(const json& in, VolumeCloneRequest& request) {
  take(in, "Name", request.name);
  take(in, "Labels", request.labels);
  take(in, "Snapshot", request.snapshot);
  take(in, "Force", request.force);
}

void to_json(json& out, const VolumeList& list) {
  out = json{{"Volumes", list.volumes}, {"Warnings", or_null(list.warnings)}};
}

void from_json(const json& in, VolumeList& list) {
  take(in, "Volumes", list.volumes);
  take(in, "Warnings", list.warnings);
}

void to_json(json& out, const VolumePruneReport& report) {
  out = json{{"VolumesDeleted", report.deleted}, {"SpaceReclaimed", report.reclaimed}};
}

void from_json(const json& in, VolumePruneReport& report) {
  take(in, "VolumesDeleted", report.deleted);
  take(in, "SpaceReclaimed", report.reclaimed);
}

}  // namespace gantry::wire
