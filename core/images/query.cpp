#include "images/query.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "base/timestamp.hpp"
#include "gantry/error.hpp"
#include "images/image_config.hpp"
#include "images/manifest_summary.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;

constexpr Nanoseconds kSecond = 1'000'000'000;

[[noreturn]] void refuse_filter(const std::string& why) { throw Error{Errc::invalid, "invalid filter '" + why + "'"}; }

const std::vector<std::string>* values_of(const Filters& filters, const std::string& name) {
  const auto found = filters.find(name);
  return found == filters.end() || found->second.empty() ? nullptr : &found->second;
}

bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto found = labels.find(wanted.substr(0, equals));
  return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

[[noreturn]] void refuse_time(const std::string& text) {
  throw Error{Errc::invalid, "failed to parse value as time or duration: \"" + text + "\""};
}

/// A time stamp: seconds since the epoch, RFC 3339, or, as "10m" or "1h30m", so long ago.
Nanoseconds as_time(const std::string& text) {
  if (const auto time = parse_timestamp(text)) return *time;
  double total = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool ago = false;
  while (at != end) {
    double number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) refuse_time(text);
    at = next;
    if (at == end) return static_cast<Nanoseconds>(number * static_cast<double>(kSecond));
    static const std::map<char, double> units{{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const auto unit = units.find(*at++);
    if (unit == units.end()) refuse_time(text);
    total += number * unit->second;
    ago = true;
  }
  if (!ago) refuse_time(text);
  return now() - static_cast<Nanoseconds>(total * static_cast<double>(kSecond));
}

bool fits_reference(const std::string& name, const std::string& pattern) {
  const Reference reference = parse_reference(name);
  const auto fits = [&](const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
  };
  return fits(reference.familiar()) || fits(reference.familiar_name());
}

bool matches_reference(const Image& image, const std::string& pattern) {
  const auto any = [&](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return fits_reference(name, pattern); });
  };
  return any(image.names) || any(image.digests);
}

/// How many images have each layer. The steps that an image was built in are not counted beside it.
std::map<std::string, int> layer_users(const Context& context) {
  std::map<std::string, int> users;
  for (const Record& record : context.catalog.visible()) {
    if (context.catalog.is_cache(*record)) continue;
    for (const std::string& chain_id : record->image.chain_ids) ++users[chain_id];
  }
  return users;
}

std::int64_t shared_size(const Record& record, const std::map<std::string, int>& users) {
  std::uint64_t size = 0;
  for (std::size_t at = 0; at < record->layers.size(); ++at) {
    const auto found = users.find(record->image.chain_ids[at]);
    if (found != users.end() && found->second > 1) size += record->layers[at].size;
  }
  return static_cast<std::int64_t>(size);
}

wire::ImageSummary summarize(const Record& record) {
  wire::ImageSummary summary;
  summary.id = record->image.id;
  summary.parent_id = record->parent;
  summary.repo_tags = familiar_names(record->image.names);
  summary.repo_digests = familiar_names(record->image.digests);
  summary.created = record->image.created / kSecond;
  summary.size = static_cast<std::int64_t>(record->image.size);
  for (const auto& [name, value] : record->image.config.labels) summary.labels.emplace_back(name, value);
  return summary;
}

bool same_time_filter(const Context& context, const Record& record, const Filters& filters) {
  if (const auto* before = values_of(filters, "before")) {
    if (record->image.created >= context.catalog.get(before->front())->image.created) return false;
  }
  if (const auto* since = values_of(filters, "since")) {
    if (record->image.created <= context.catalog.get(since->front())->image.created) return false;
  }
  if (const auto* until = values_of(filters, "until")) {
    if (record->image.created >= as_time(until->front())) return false;
  }
  return true;
}

}  // namespace

void check_platform(const std::string& reference, const Image& image, const std::optional<Platform>& platform) {
  if (!platform || same_platform(*platform, {image.os, image.architecture, image.variant})) return;
  throw Error{Errc::not_found, "image with reference " + reference +
                                   " was found but does not provide the specified platform (" + platform->str() + ")"};
}

Record find_for(const Context& context, const std::string& reference, const std::optional<Platform>& platform) {
  Record record = context.catalog.get(reference);
  check_platform(reference, record->image, platform);
  return record;
}

std::optional<bool> bool_filter(const Filters& filters, const std::string& name) {
  const auto* values = values_of(filters, name);
  if (values == nullptr) return {};
  const auto has = [&](const char* value) { return std::find(values->begin(), values->end(), value) != values->end(); };
  const bool yes = has("1") || has("true");
  const bool no = has("0") || has("false");
  if (yes != no) return yes;
  std::string list;
  for (const std::string& value : *values) list += (list.empty() ? "" : " ") + value;
  refuse_filter(name + "=[" + list + "]");
}

Nanoseconds time_filter(const std::string& text) { return as_time(text); }

void check_until(const Filters& filters) {
  const auto* until = values_of(filters, "until");
  if (until == nullptr) return;
  if (until->size() > 1) throw Error{Errc::invalid, "more than one until filter specified"};
  (void)as_time(until->front());
}

std::vector<std::string> familiar_names(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  out.reserve(names.size());
  for (const std::string& name : names) out.push_back(familiar(name));
  std::sort(out.begin(), out.end());
  return out;
}

bool matches(const Context& context, const Record& record, const Filters& filters) {
  static const std::set<std::string> known{"dangling", "label", "label!", "before", "since", "until", "reference"};
  for (const auto& [name, values] : filters) {
    if (!known.contains(name)) refuse_filter(name);
  }
  const Image& image = record->image;
  if (const auto wanted = bool_filter(filters, "dangling")) {
    const bool is_dangling = image.names.empty() && image.digests.empty() && !context.catalog.has_children(image.id);
    if (*wanted != is_dangling) return false;
  }
  if (const auto* labels = values_of(filters, "label")) {
    for (const std::string& label : *labels) {
      if (!has_label(image.config.labels, label)) return false;
    }
  }
  if (const auto* labels = values_of(filters, "label!")) {
    for (const std::string& label : *labels) {
      if (has_label(image.config.labels, label)) return false;
    }
  }
  if (const auto* patterns = values_of(filters, "reference")) {
    const bool any = std::any_of(patterns->begin(), patterns->end(),
                                 [&](const std::string& pattern) { return matches_reference(image, pattern); });
    if (!any) return false;
  }
  return same_time_filter(context, record, filters);
}

namespace {

// As dockerd: of an image's names those that were asked for are shown.
void keep_matching(wire::ImageSummary& summary, const std::vector<std::string>& patterns) {
  const auto differs = [&](const std::string& name) {
    return std::none_of(patterns.begin(), patterns.end(),
                        [&](const std::string& pattern) { return fits_reference(name, pattern); });
  };
  std::erase_if(summary.repo_tags, differs);
  std::erase_if(summary.repo_digests, differs);
}

}  // namespace

std::vector<wire::ImageSummary> list_images(const Context& context, const ListRequest& request) {
  std::map<std::string, int> users;
  if (request.shared_size) users = layer_users(context);
  std::vector<wire::ImageSummary> out;
  for (const Record& record : context.catalog.visible()) {
    const bool unnamed = record->image.names.empty() && record->image.digests.empty();
    if (!request.all && unnamed && context.catalog.has_children(record->image.id)) continue;
    if (!matches(context, record, request.filters)) continue;
    wire::ImageSummary summary = summarize(record);
    if (const auto* patterns = values_of(request.filters, "reference")) keep_matching(summary, *patterns);
    if (request.shared_size) summary.shared_size = shared_size(record, users);
    if (request.count_containers && context.users) {
      summary.containers = static_cast<std::int64_t>(context.users(record->image.id).size());
    }
    if (request.manifests) summary.manifests = summarize_manifests(context, *record, request.identity);
    out.push_back(std::move(summary));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.created > b.created; });
  return out;
}

json inspect_image(const Context& context, const Record& record, const InspectRequest& request) {
  const Image& image = record->image;
  json out{
      {"Id", image.id},
      {"RepoTags", familiar_names(image.names)},
      {"RepoDigests", familiar_names(image.digests)},
      {"Parent", record->parent},
      {"Comment", image.comment},
      {"DockerVersion", ""},
      {"Author", image.author},
      {"Config", json::parse(config_object(image.config))},
      {"Architecture", image.architecture},
      {"Os", image.os},
      {"Size", image.size},
      {"GraphDriver", {{"Data", nullptr}, {"Name", context.drivers.storage().name()}}},
      {"RootFS", {{"Type", "layers"}}},
      {"Metadata",
       {{"LastTagTime", record->last_tagged == 0 ? std::string{kZeroTime} : format_rfc3339(record->last_tagged)}}}};
  if (!image.variant.empty()) out["Variant"] = image.variant;
  if (!image.diff_ids.empty()) out["RootFS"]["Layers"] = image.diff_ids;
  if (image.created != 0) out["Created"] = format_rfc3339(image.created);
  const json config = json::parse(image.config_json);
  if (const auto version = config.find("docker_version"); version != config.end() && version->is_string()) {
    out["DockerVersion"] = *version;
  }
  if (request.manifests) out["Manifests"] = summarize_manifests(context, *record, false);
  if (request.identity) {
    if (const auto identity = identity_of(*record); !identity.pulled_from.empty()) out["Identity"] = identity;
  }
  return out;
}

std::vector<wire::ImageHistoryItem> image_history(const Record& record) {
  std::vector<wire::ImageHistoryItem> out;
  std::size_t layer = 0;
  for (const HistoryEntry& entry : parse_history(record->image.config_json)) {
    wire::ImageHistoryItem item;
    item.id = "<missing>";
    item.created = entry.created / kSecond;
    item.created_by = entry.created_by;
    item.comment = entry.comment;
    if (!entry.empty_layer) {
      if (layer == record->layers.size()) throw Error{Errc::invalid, "too many non-empty layers in History section"};
      item.size = static_cast<std::int64_t>(record->layers[layer++].size);
    }
    out.push_back(std::move(item));
  }
  std::reverse(out.begin(), out.end());
  if (!out.empty()) {
    out.front().id = record->image.id;
    out.front().tags = familiar_names(record->image.names);
  }
  return out;
}

std::int64_t layers_size(const Context& context) {
  std::int64_t size = 0;
  std::set<std::string> counted;
  for (const Record& record : context.catalog.visible()) {
    for (std::size_t at = 0; at < record->layers.size(); ++at) {
      if (!counted.insert(record->image.chain_ids[at]).second) continue;
      size += static_cast<std::int64_t>(record->layers[at].size);
    }
  }
  return size;
}

ImagesUsage images_usage(const Context& context) {
  ImagesUsage usage;
  const auto users = layer_users(context);
  std::set<std::string> counted;
  for (const Record& record : context.catalog.visible()) {
    if (context.catalog.is_cache(*record)) continue;
    wire::ImageSummary summary = summarize(record);
    summary.shared_size = shared_size(record, users);
    summary.containers = context.users ? static_cast<std::int64_t>(context.users(record->image.id).size()) : 0;
    usage.images.push_back(std::move(summary));
    for (std::size_t at = 0; at < record->layers.size(); ++at) {
      if (!counted.insert(record->image.chain_ids[at]).second) continue;
      usage.layers_size += static_cast<std::int64_t>(record->layers[at].size);
    }
  }
  return usage;
}

}  // namespace gantry::images
