#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// The API's structs about images, as they cross the wire; the CLI reads what the daemon writes.
namespace gantry::wire {

/// One line of a pull's, push's or load's stream (API: CreateImageInfo, PushImageInfo).
struct ProgressMessage {
  struct Detail {
    std::int64_t current{};
    std::int64_t total{};
  };

  std::string status;
  std::string stream;  ///< Text for the user's terminal as it is.
  std::string id;      ///< The layer's short digest; the tag.
  std::string error;
  int error_code{};              ///< The exit code of a build's command; 0: none.
  std::optional<Detail> detail;  ///< All 0: an empty object, as dockerd sends at each change of status.
  std::string aux;               ///< JSON text; empty for none.
};

/// API: Identity: where an image is from.
struct ImageIdentity {
  std::vector<std::string> pulled_from;  ///< Repositories: "docker.io/library/busybox".
};

/// API: ImageManifestSummary.
struct ManifestSummary {
  std::string digest;
  std::string media_type;
  std::int64_t size{};  ///< Of the manifest itself.
  std::string os;
  std::string architecture;
  std::string variant;
  bool available{};                     ///< Config and layers are here.
  std::int64_t content{};               ///< Bytes of the manifest's blobs that are here, itself among them.
  std::int64_t unpacked{};              ///< Bytes of the layers as containers have them.
  std::vector<std::string> containers;  ///< Those that stand on the image.
  std::string about;                    ///< The digest of the manifest that this one's statements are about.
  ImageIdentity identity;
};

/// API: ImageSummary.
struct ImageSummary {
  std::string id;
  std::string parent_id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  std::int64_t created{};  ///< Seconds since the epoch.
  std::int64_t size{};
  std::int64_t shared_size{-1};  ///< -1: not asked for.
  std::int64_t containers{-1};   ///< -1: not asked for.
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<std::vector<ManifestSummary>> manifests;  ///< None: not asked for.
};

/// API: HistoryResponseItem.
struct ImageHistoryItem {
  std::string id;
  std::int64_t created{};  ///< Seconds since the epoch.
  std::string created_by;
  std::vector<std::string> tags;
  std::int64_t size{};
  std::string comment;
};

/// API: ImageDeleteResponseItem: one of the two.
struct ImageDeleteItem {
  std::string untagged;
  std::string deleted;
};

/// API: ImagePruneResponse.
struct ImagePruneReport {
  std::vector<ImageDeleteItem> deleted;
  std::int64_t space_reclaimed{};
};

/// API operation ImageSearch.
struct ImageSearchItem {
  std::string name;
  std::string description;
  std::int64_t stars{};
  bool official{};
};

/// API: AuthConfig, in X-Registry-Auth and as /auth's body.
struct AuthConfig {
  std::string username;
  std::string password;
  std::string auth;  ///< base64("username:password"), from old clients.
  std::string server_address;
  std::string identity_token;
  std::string registry_token;
};

void to_json(nlohmann::json& json, const ProgressMessage& message);
void from_json(const nlohmann::json& json, ProgressMessage& message);
void to_json(nlohmann::json& json, const ImageIdentity& identity);
void to_json(nlohmann::json& json, const ManifestSummary& summary);
void to_json(nlohmann::json& json, const ImageSummary& summary);
void from_json(const nlohmann::json& json, ImageSummary& summary);
void to_json(nlohmann::json& json, const ImageHistoryItem& item);
void from_json(const nlohmann::json& json, ImageHistoryItem& item);
void to_json(nlohmann::json& json, const ImageDeleteItem& item);
void from_json(const nlohmann::json& json, ImageDeleteItem& item);
void to_json(nlohmann::json& json, const ImagePruneReport& report);
void from_json(const nlohmann::json& json, ImagePruneReport& report);
void to_json(nlohmann::json& json, const ImageSearchItem& item);
void from_json(const nlohmann::json& json, ImageSearchItem& item);
void to_json(nlohmann::json& json, const AuthConfig& auth);
void from_json(const nlohmann::json& json, AuthConfig& auth);

/// "[====>      ]  1.2MB/3.4MB", as dockerd draws it for old clients.
std::string progress_bar(std::int64_t current, std::int64_t total);

}  // namespace gantry::wire
