#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/exchange.hpp"

/// Answers as they were in older versions of the API, and are in newer ones: what a client of `version` expects.
/// (docs of the API, "version history")
namespace gantry::api {

/// ContainerInspect.
void show_container_as_of(Version version, nlohmann::ordered_json& details, const std::string& id);
/// An entry of ContainerList.
void show_summary_as_of(Version version, nlohmann::ordered_json& summary);
/// SystemInfo.
void show_info_as_of(Version version, nlohmann::ordered_json& info);
/// ImageInspect.
void show_image_as_of(Version version, nlohmann::json& image);
/// An event.
void show_event_as_of(Version version, nlohmann::ordered_json& event);
/// SystemDataUsage, from what it was up to 1.51. `verbose`: the client wants the objects as well.
void show_disk_usage_as_of(Version version, bool verbose, nlohmann::json& usage);

}  // namespace gantry::api
