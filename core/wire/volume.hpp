#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// The API's structs about volumes and their JSON (definitions Volume, VolumeCreateOptions, VolumeListResponse).
namespace gantry::wire {

/// What a volume takes up, as `system df` asks for it.
struct VolumeUsage {
  std::int64_t size{-1};  ///< Bytes; -1 if not known.
  std::int64_t references{-1};
};

struct Volume {
  std::string name;
  std::string driver;
  std::string mountpoint;
  std::string created_at;
  std::string scope{"local"};
  std::map<std::string, std::string> labels;                  ///< null in JSON if empty.
  std::optional<std::map<std::string, std::string>> options;  ///< null in JSON if absent.
  std::map<std::string, std::string> status;                  ///< Not in JSON if empty.
  std::optional<VolumeUsage> usage;
};

void to_json(nlohmann::json& json, const Volume& volume);
void from_json(const nlohmann::json& json, Volume& volume);

struct VolumeCreateRequest {
  std::string name;
  std::string driver;
  std::optional<std::map<std::string, std::string>> options;
  std::map<std::string, std::string> labels;
};

void to_json(nlohmann::json& json, const VolumeCreateRequest& request);
/// Errors: invalid (a member of a wrong type).
void from_json(const nlohmann::json& json, VolumeCreateRequest& request);

/// Of docs/extensions.md: a copy of a volume.
struct VolumeCloneRequest {
  std::string name;
  std::map<std::string, std::string> labels;
  bool snapshot{};
  bool force{};
};

void to_json(nlohmann::json& json, const VolumeCloneRequest& request);
/// Errors: invalid (a member of a wrong type).
void from_json(const nlohmann::json& json, VolumeCloneRequest& request);

struct VolumeList {
  std::vector<Volume> volumes;
  std::vector<std::string> warnings;  ///< null in JSON if empty.
};

void to_json(nlohmann::json& json, const VolumeList& list);
void from_json(const nlohmann::json& json, VolumeList& list);

struct VolumePruneReport {
  std::vector<std::string> deleted;
  std::uint64_t reclaimed{};
};

void to_json(nlohmann::json& json, const VolumePruneReport& report);
void from_json(const nlohmann::json& json, VolumePruneReport& report);

}  // namespace gantry::wire
