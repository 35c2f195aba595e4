#include "wire/image.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace gantry::wire {
namespace {

using nlohmann::json;

/// Takes what is there and of the right type; leaves the default else.
template <class T>
void take_if_valid(const json& object, const char* name, T& out) {
  if (!object.is_object()) return;
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    if (found->is_string()) out = found->get<std::string>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (found->is_boolean()) out = found->get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    if (found->is_number()) out = found->get<T>();
  } else {
    if (found->is_array()) out = found->get<T>();
  }
}

/// Bytes with four significant digits and decimal units, as Docker prints them: "1.069MB".
std::string human_size(std::int64_t bytes) {
  static constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB"};
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 1000.0 && unit + 1 < units.size()) {
    size /= 1000.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g%s", size, units[unit]);
  return text.data();
}

}  // namespace

std::string progress_bar(std::int64_t current, std::int64_t total) {
  if (current <= 0 && total <= 0) return {};
  std::string sizes = human_size(current);
  if (total <= 0) return sizes;
  if (sizes.size() < 8) sizes.insert(0, 8 - sizes.size(), ' ');
  if (current <= total) sizes += "/" + human_size(total);
  const auto done = static_cast<std::size_t>(std::min<std::int64_t>(current * 100 / total, 100) / 2);
  return "[" + std::string(done, '=') + ">" + std::string(50 - done, ' ') + "] " + sizes;
}

void to_json(json& out, const ProgressMessage& message) {
  out = json::object();
  if (!message.stream.empty()) out["stream"] = message.stream;
  if (!message.status.empty()) out["status"] = message.status;
  if (message.detail) {
    auto& detail = out["progressDetail"] = json::object();
    if (message.detail->current != 0) detail["current"] = message.detail->current;
    if (message.detail->total != 0) detail["total"] = message.detail->total;
    const std::string bar = progress_bar(message.detail->current, message.detail->total);
    if (!bar.empty()) out["progress"] = bar;
  }
  if (!message.id.empty()) out["id"] = message.id;
  if (!message.error.empty()) {
    out["errorDetail"] = {{"message", message.error}};
    if (message.error_code != 0) out["errorDetail"]["code"] = message.error_code;
    out["error"] = message.error;
  }
  if (!message.aux.empty()) out["aux"] = json::parse(message.aux);
}

void from_json(const json& in, ProgressMessage& message) {
  take_if_valid(in, "stream", message.stream);
  take_if_valid(in, "status", message.status);
  take_if_valid(in, "id", message.id);
  take_if_valid(in, "error", message.error);
  if (const auto detail = in.find("progressDetail"); detail != in.end() && detail->is_object()) {
    message.detail.emplace();
    take_if_valid(*detail, "current", message.detail->current);
    take_if_valid(*detail, "total", message.detail->total);
  }
  if (const auto aux = in.find("aux"); aux != in.end()) message.aux = aux->dump();
}

void to_json(json& out, const ImageIdentity& identity) {
  out = json::object();
  for (const std::string& repository : identity.pulled_from) out["Pull"].push_back({{"Repository", repository}});
}

void to_json(json& out, const ManifestSummary& summary) {
  const bool is_image = summary.about.empty();
  json platform{{"os", summary.os}, {"architecture", summary.architecture}};
  if (!summary.variant.empty()) platform["variant"] = summary.variant;
  json descriptor{{"mediaType", summary.media_type}, {"digest", summary.digest}, {"size", summary.size}};
  if (is_image) descriptor["platform"] = platform;
  out = {{"ID", summary.digest},
         {"Descriptor", std::move(descriptor)},
         {"Available", summary.available},
         {"Size", {{"Content", summary.content}, {"Total", summary.content + summary.unpacked}}},
         {"Kind", is_image ? "image" : "attestation"}};
  if (is_image) {
    out["ImageData"] = {{"Platform", std::move(platform)},
                        {"Containers", summary.containers},
                        {"Size", {{"Unpacked", summary.unpacked}}}};
    if (!summary.identity.pulled_from.empty()) out["ImageData"]["Identity"] = summary.identity;
  } else {
    out["AttestationData"] = {{"For", summary.about}};
  }
}

void to_json(json& out, const ImageSummary& summary) {
  json labels;
  for (const auto& [name, value] : summary.labels) labels[name] = value;
  out = {{"Containers", summary.containers}, {"Created", summary.created},        {"Id", summary.id},
         {"Labels", std::move(labels)},      {"ParentId", summary.parent_id},     {"RepoDigests", summary.repo_digests},
         {"RepoTags", summary.repo_tags},    {"SharedSize", summary.shared_size}, {"Size", summary.size}};
  if (summary.manifests) out["Manifests"] = *summary.manifests;
}

void from_json(const json& in, ImageSummary& summary) {
  take_if_valid(in, "Id", summary.id);
  take_if_valid(in, "ParentId", summary.parent_id);
  take_if_valid(in, "RepoTags", summary.repo_tags);
  take_if_valid(in, "RepoDigests", summary.repo_digests);
  take_if_valid(in, "Created", summary.created);
  take_if_valid(in, "Size", summary.size);
  take_if_valid(in, "SharedSize", summary.shared_size);
  take_if_valid(in, "Containers", summary.containers);
  if (const auto labels = in.find("Labels"); labels != in.end() && labels->is_object()) {
    for (const auto& [name, value] : labels->items()) {
      if (value.is_string()) summary.labels.emplace_back(name, value.get<std::string>());
    }
  }
}

void to_json(json& out, const ImageHistoryItem& item) {
  out = {{"Id", item.id},
         {"Created", item.created},
         {"CreatedBy", item.created_by},
         {"Tags", item.tags.empty() ? json(nullptr) : json(item.tags)},
         {"Size", item.size},
         {"Comment", item.comment}};
}

void from_json(const json& in, ImageHistoryItem& item) {
  take_if_valid(in, "Id", item.id);
  take_if_valid(in, "Created", item.created);
  take_if_valid(in, "CreatedBy", item.created_by);
  take_if_valid(in, "Tags", item.tags);
  take_if_valid(in, "Size", item.size);
  take_if_valid(in, "Comment", item.comment);
}

void to_json(json& out, const ImageDeleteItem& item) {
  out = json::object();
  if (!item.untagged.empty()) out["Untagged"] = item.untagged;
  if (!item.deleted.empty()) out["Deleted"] = item.deleted;
}

void from_json(const json& in, ImageDeleteItem& item) {
  take_if_valid(in, "Untagged", item.untagged);
  take_if_valid(in, "Deleted", item.deleted);
}

void to_json(json& out, const ImagePruneReport& report) {
  out = {{"ImagesDeleted", report.deleted.empty() ? json(nullptr) : json(report.deleted)},
         {"SpaceReclaimed", report.space_reclaimed}};
}

void from_json(const json& in, ImagePruneReport& report) {
  take_if_valid(in, "ImagesDeleted", report.deleted);
  take_if_valid(in, "SpaceReclaimed", report.space_reclaimed);
}

void to_json(json& out, const ImageSearchItem& item) {
  out = {{"name", item.name},
         {"description", item.description},
         {"star_count", item.stars},
         {"is_official", item.official},
         {"is_automated", false}};
}

void from_json(const json& in, ImageSearchItem& item) {
  take_if_valid(in, "name", item.name);
  take_if_valid(in, "description", item.description);
  take_if_valid(in, "star_count", item.stars);
  take_if_valid(in, "is_official", item.official);
}

void to_json(json& out, const AuthConfig& auth) {
  out = json::object();
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) out[name] = value;
  };
  put("username", auth.username);
  put("password", auth.password);
  put("auth", auth.auth);
  put("serveraddress", auth.server_address);
  put("identitytoken", auth.identity_token);
  put("registrytoken", auth.registry_token);
}

void from_json(const json& in, AuthConfig& auth) {
  take_if_valid(in, "username", auth.username);
  take_if_valid(in, "password", auth.password);
  take_if_valid(in, "auth", auth.auth);
  take_if_valid(in, "serveraddress", auth.server_address);
  take_if_valid(in, "identitytoken", auth.identity_token);
  take_if_valid(in, "registrytoken", auth.registry_token);
}

}  // namespace gantry::wire
