#include "images/image_config.hpp"

#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/bounded_json.hpp"
#include "images/manifest.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxItems = 65536;

[[noreturn]] void refuse_config(const std::string& why) { throw Error{Errc::invalid, "invalid image config: " + why}; }

/// The member, or null if it is missing or null.
const json* member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

void take(const json& object, const char* name, std::string& out) {
  const json* value = member(object, name);
  if (value == nullptr) return;
  if (!value->is_string()) refuse_config(std::string{name} + " is not a string");
  out = value->get<std::string>();
  if (out.find('\0') != std::string::npos) refuse_config(std::string{name} + " contains a NUL");
}

void check_count(const json& list, const char* name) {
  if (list.size() <= kMaxItems) return;
  refuse_config(std::string{name} + " has more than " + std::to_string(kMaxItems) + " entries");
}

void take(const json& object, const char* name, std::vector<std::string>& out) {
  const json* value = member(object, name);
  if (value == nullptr) return;
  if (!value->is_array()) refuse_config(std::string{name} + " is not a list of strings");
  check_count(*value, name);
  out.clear();
  for (const json& item : *value) {
    if (!item.is_string()) refuse_config(std::string{name} + " is not a list of strings");
    out.push_back(item.get<std::string>());
    if (out.back().find('\0') != std::string::npos) refuse_config(std::string{name} + " contains a NUL");
  }
}

void take(const json& object, const char* name, std::int64_t& out) {
  if (const json* value = member(object, name); value != nullptr && value->is_number())
    out = value->get<std::int64_t>();
}

void take(const json& object, const char* name, bool& out) {
  if (const json* value = member(object, name); value != nullptr && value->is_boolean()) out = value->get<bool>();
}

/// {"80/tcp": {}} as a list of its keys.
void take_keys(const json& object, const char* name, std::vector<std::string>& out) {
  const json* value = member(object, name);
  if (value == nullptr) return;
  if (!value->is_object()) refuse_config(std::string{name} + " is not an object");
  check_count(*value, name);
  out.clear();
  for (const auto& [key, ignored] : value->items()) {
    if (key.find('\0') != std::string::npos) refuse_config(std::string{name} + " contains a NUL");
    out.push_back(key);
  }
}

void take_map(const json& object, const char* name, std::map<std::string, std::string>& out) {
  const json* value = member(object, name);
  if (value == nullptr) return;
  if (!value->is_object()) refuse_config(std::string{name} + " is not an object");
  check_count(*value, name);
  out.clear();
  for (const auto& [key, item] : value->items()) {
    if (!item.is_string()) refuse_config(std::string{name} + " is not an object of strings");
    out[key] = item.get<std::string>();
  }
}

Nanoseconds take_time(const json& object, const char* name) {
  std::string text;
  take(object, name, text);
  return parse_rfc3339(text).value_or(0);
}

std::optional<HealthConfig> take_health(const json& object) {
  const json* value = member(object, "Healthcheck");
  if (value == nullptr) return {};
  if (!value->is_object()) refuse_config("Healthcheck is not an object");
  HealthConfig out;
  take(*value, "Test", out.test);
  take(*value, "Interval", out.interval);
  take(*value, "Timeout", out.timeout);
  take(*value, "StartPeriod", out.start_period);
  take(*value, "StartInterval", out.start_interval);
  std::int64_t retries = 0;
  take(*value, "Retries", retries);
  out.retries = static_cast<int>(std::clamp<std::int64_t>(retries, 0, 1'000'000));
  return out;
}

void take_config(const json& object, ImageConfig& out) {
  take(object, "User", out.user);
  take_keys(object, "ExposedPorts", out.exposed_ports);
  take(object, "Env", out.env);
  take(object, "Entrypoint", out.entrypoint);
  take(object, "Cmd", out.cmd);
  take_keys(object, "Volumes", out.volumes);
  take(object, "WorkingDir", out.working_dir);
  take_map(object, "Labels", out.labels);
  take(object, "StopSignal", out.stop_signal);
  take(object, "Shell", out.shell);
  take(object, "OnBuild", out.on_build);
  take(object, "ArgsEscaped", out.args_escaped);
  take(object, "AttachStdin", out.attach_stdin);
  take(object, "AttachStdout", out.attach_stdout);
  take(object, "AttachStderr", out.attach_stderr);
  take(object, "Tty", out.tty);
  take(object, "OpenStdin", out.open_stdin);
  take(object, "StdinOnce", out.stdin_once);
  out.healthcheck = take_health(object);
}

json list_or_null(const std::vector<std::string>& list) { return list.empty() ? json(nullptr) : json(list); }

json keys_json(const std::vector<std::string>& keys) {
  json out = json::object();
  for (const std::string& key : keys) out[key] = json::object();
  return out;
}

json health_json(const HealthConfig& health) {
  json out = json::object();
  if (!health.test.empty()) out["Test"] = health.test;
  const auto put = [&](const char* name, std::int64_t value) {
    if (value != 0) out[name] = value;
  };
  put("Interval", health.interval);
  put("Timeout", health.timeout);
  put("StartPeriod", health.start_period);
  put("StartInterval", health.start_interval);
  put("Retries", health.retries);
  return out;
}

}  // namespace

void parse_config_object(std::string_view text, ImageConfig& out) {
  take_config(parse_bounded(text, kMaxConfig, "invalid image config"), out);
}

std::string config_object(const ImageConfig& config) {
  json out{{"Hostname", ""},
           {"Domainname", ""},
           {"User", config.user},
           {"AttachStdin", config.attach_stdin},
           {"AttachStdout", config.attach_stdout},
           {"AttachStderr", config.attach_stderr},
           {"Tty", config.tty},
           {"OpenStdin", config.open_stdin},
           {"StdinOnce", config.stdin_once},
           {"Env", list_or_null(config.env)},
           {"Cmd", list_or_null(config.cmd)},
           {"Image", ""},
           {"Volumes", config.volumes.empty() ? json(nullptr) : keys_json(config.volumes)},
           {"WorkingDir", config.working_dir},
           {"Entrypoint", list_or_null(config.entrypoint)},
           {"OnBuild", list_or_null(config.on_build)},
           {"Labels", config.labels.empty() ? json(nullptr) : json(config.labels)}};
  if (!config.exposed_ports.empty()) out["ExposedPorts"] = keys_json(config.exposed_ports);
  if (!config.stop_signal.empty()) out["StopSignal"] = config.stop_signal;
  if (!config.shell.empty()) out["Shell"] = config.shell;
  if (config.args_escaped) out["ArgsEscaped"] = true;
  if (config.healthcheck) out["Healthcheck"] = health_json(*config.healthcheck);
  return out.dump();
}

void parse_image_config(std::string_view text, Image& out) {
  const json document = parse_bounded(text, kMaxConfig, "invalid image config");
  const json* rootfs = member(document, "rootfs");
  if (rootfs == nullptr || !rootfs->is_object()) refuse_config("it has no rootfs");
  take(*rootfs, "diff_ids", out.diff_ids);
  if (out.diff_ids.size() > kMaxLayers) refuse_config("it has more than " + std::to_string(kMaxLayers) + " layers");
  for (const std::string& diff_id : out.diff_ids) {
    if (!is_sha256_digest(diff_id)) refuse_config("\"" + diff_id + "\" is not a sha256 digest");
  }
  out.chain_ids = chain_ids(out.diff_ids);
  take(document, "architecture", out.architecture);
  take(document, "variant", out.variant);
  take(document, "os", out.os);
  take(document, "author", out.author);
  take(document, "comment", out.comment);
  out.created = take_time(document, "created");
  if (const json* config = member(document, "config")) {
    if (!config->is_object()) refuse_config("config is not an object");
    take_config(*config, out.config);
  }
  // What is wrong with it is refused here rather than when somebody asks for it.
  const std::vector<HistoryEntry> history = parse_history(text);
  out.last_step = history.empty() ? std::string{} : history.back().created_by;
  out.config_json = text;
  out.id = sha256_digest(text);
}

std::vector<HistoryEntry> parse_history(std::string_view text) {
  const json document = parse_bounded(text, kMaxConfig, "invalid image config");
  std::vector<HistoryEntry> out;
  const json* history = member(document, "history");
  if (history == nullptr) return out;
  if (!history->is_array() || history->size() > kMaxItems) refuse_config("history is not a list");
  for (const json& item : *history) {
    if (!item.is_object()) refuse_config("history is not a list of objects");
    HistoryEntry entry;
    entry.created = take_time(item, "created");
    take(item, "created_by", entry.created_by);
    take(item, "author", entry.author);
    take(item, "comment", entry.comment);
    if (const json* empty = member(item, "empty_layer"); empty != nullptr && empty->is_boolean()) {
      entry.empty_layer = empty->get<bool>();
    }
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids) {
  std::vector<std::string> out;
  out.reserve(diff_ids.size());
  for (const std::string& diff_id : diff_ids) {
    out.push_back(out.empty() ? diff_id : sha256_digest(out.back() + " " + diff_id));
  }
  return out;
}

}  // namespace gantry::images
