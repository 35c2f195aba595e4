#include "daemon/config.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "daemon/foreign_keys.hpp"
#include "gantry/error.hpp"

namespace gantry::daemon {

namespace {

using Json = nlohmann::json;
constexpr std::size_t kLargestFile = std::size_t{1} << 20;

// A value of the file that does not fit; `right` says what would.
struct Mismatch {
  std::string right;
};

const Json& object(const Json& value) {
  if (!value.is_object()) throw Mismatch{"an object"};
  return value;
}

std::string text(const Json& value) {
  if (!value.is_string()) throw Mismatch{"a text"};
  return value.get<std::string>();
}

template <class Number>
Number number(const Json& value) {
  if (!value.is_number_integer()) throw Mismatch{"a whole number"};
  const auto wide = value.get<std::int64_t>();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) throw Mismatch{"a smaller number"};
  if (wide < std::numeric_limits<Number>::min() || wide > std::numeric_limits<Number>::max()) {
    throw Mismatch{"a smaller number"};
  }
  return static_cast<Number>(wide);
}

void take(const Json& value, bool& out) {
  if (!value.is_boolean()) throw Mismatch{"true or false"};
  out = value.get<bool>();
}

void take(const Json& value, int& out) { out = number<int>(value); }

void take(const Json& value, std::string& out) {
  // dockerd takes sizes as numbers, too.
  out = value.is_number_integer() ? value.dump() : text(value);
}

void take(const Json& value, Strings& out) {
  if (!value.is_array()) throw Mismatch{"a list of texts"};
  out.clear();
  for (const Json& item : value) out.push_back(text(item));
}

void take(const Json& value, IsolatedPlugins& out) {
  out = IsolatedPlugins{};
  if (value.is_boolean()) {
    out.all = value.get<bool>();
  } else if (value.is_array()) {
    take(value, out.names);
  } else {
    throw Mismatch{"true, false or a list of drivers"};
  }
}

// Options may be written as true or 3: a driver gets texts.
std::string scalar(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean() || value.is_number()) return value.dump();
  throw Mismatch{"an object of texts"};
}

void take(const Json& value, Texts& out) {
  if (!value.is_object()) throw Mismatch{"an object of texts"};
  for (const auto& [name, item] : value.items()) out[name] = scalar(item);
}

void take(const Json& value, std::map<std::string, Texts>& out) {
  for (const auto& [name, options] : object(value).items()) take(options, out[name]);
}

// containerd's names for the shims that dockerd starts: of these one is known, which stands for an OCI runtime.
constexpr const char* kRuncShim = "io.containerd.runc.v2";

// As dockerd has it, by a program's path or a containerd shim's options, or by the name of a driver.
void take(const Json& value, Runtime& runtime, const char* right) {
  std::string path;
  for (const auto& [key, part] : value.items()) {
    if (key == "driver") {
      runtime.driver = text(part);
    } else if (key == "options") {
      take(part, runtime.options);
    } else if (key == "path") {
      path = text(part);
    } else if (key == "runtimeArgs") {
      Strings arguments;
      take(part, arguments);
      for (const std::string& argument : arguments) {
        if (argument.find(',') != std::string::npos) throw Mismatch{"a runtime's arguments without commas"};
        std::string& list = runtime.options["arguments"];
        list += (list.empty() ? "" : ",") + argument;
      }
    } else if (key == "runtimeType" && text(part) == kRuncShim) {
      if (runtime.driver.empty()) runtime.driver = kRuncShim;
    } else {
      throw Mismatch{right};
    }
  }
  if (const auto binary = runtime.options.find("BinaryName"); binary != runtime.options.end()) {
    path = binary->second;
    runtime.options.erase(binary);
  }
  if (path.empty()) return;
  if (!runtime.driver.empty() && runtime.driver != kRuncShim) throw Mismatch{right};
  runtime.driver = "oci";
  runtime.options["path"] = path;
}

void take(const Json& value, std::map<std::string, Runtime>& out) {
  const char* right = R"(an object as {"name": {"path": "/usr/bin/crun", "runtimeArgs": []}} or )"
                      R"({"name": {"driver": "native", "options": {}}})";
  if (!value.is_object()) throw Mismatch{right};
  for (const auto& [name, item] : value.items()) {
    if (!item.is_object()) throw Mismatch{right};
    Runtime& runtime = out[name];
    take(item, runtime, right);
    if (runtime.driver.empty()) throw Mismatch{right};
  }
}

void take(const Json& value, std::vector<AddressPool>& out) {
  const char* right = R"(a list as [{"base": "10.0.0.0/8", "size": 24}])";
  if (!value.is_array()) throw Mismatch{right};
  out.clear();
  for (const Json& item : value) {
    if (!item.is_object() || !item.contains("base") || !item.contains("size") || item.size() != 2) {
      throw Mismatch{right};
    }
    out.push_back({text(item["base"]), number<int>(item["size"])});
  }
}

void take(const Json& value, std::map<std::string, Ulimit>& out) {
  const char* right = R"(an object as {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}})";
  if (!value.is_object()) throw Mismatch{right};
  for (const auto& [name, item] : value.items()) {
    if (!item.is_object() || !item.contains("Hard")) throw Mismatch{right};
    const auto hard = number<std::int64_t>(item["Hard"]);
    const Ulimit limit{item.contains("Soft") ? number<std::int64_t>(item["Soft"]) : hard, hard};
    out[name] = limit;
  }
}

// As Go reads it: whatever the case of the key.
std::string lower_key(std::string key) {
  for (char& c : key) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  return key;
}

bool take_space(const std::string& key, const Json& value, const std::string& prefix, CacheSpace& out) {
  const std::string lower = lower_key(key);
  std::string* place = nullptr;
  if (lower == prefix + "keepstorage" || lower == prefix + "reservedspace") place = &out.reserved;
  if (lower == prefix + "maxusedspace") place = &out.max_used;
  if (lower == prefix + "minfreespace") place = &out.min_free;
  if (place == nullptr) return false;
  take(value, *place);
  return true;
}

// ["unused-for=48h"], or as the API has them: {"unused-for": {"48h": true}}.
void take_filters(const Json& value, std::map<std::string, Strings>& out) {
  if (value.is_object()) {
    for (const auto& [name, values] : value.items()) {
      for (const auto& [one, wanted] : object(values).items()) out[name].push_back(one);
    }
    return;
  }
  if (!value.is_array()) throw Mismatch{R"(filters as ["unused-for=48h"])"};
  for (const Json& item : value) {
    const std::string filter = text(item);
    const auto equals = filter.find('=');
    if (equals == std::string::npos) throw Mismatch{R"(filters as ["unused-for=48h"])"};
    // BuildKit's own way of writing it has two.
    const bool twice = filter.compare(equals, 2, "==") == 0;
    out[filter.substr(0, equals)].push_back(filter.substr(equals + (twice ? 2 : 1)));
  }
}

void take(const Json& value, CachePolicy& out) {
  for (const auto& [key, item] : object(value).items()) {
    if (take_space(key, item, "", out.space)) continue;
    const std::string lower = lower_key(key);
    bool all = false;
    if (lower == "filter") {
      take_filters(item, out.filters);
    } else if (lower == "all") {
      take(item, all);
    } else {
      throw Mismatch{"policies of keepStorage, reservedSpace, maxUsedSpace, minFreeSpace, filter and all"};
    }
  }
}

void take(const Json& value, Builder& out) {
  const char* right = R"(an object as {"gc": {"enabled": true, "defaultKeepStorage": "20GB", "policy": []}})";
  out = Builder{};
  if (!value.is_object()) throw Mismatch{right};
  for (const auto& [key, part] : value.items()) {
    // Nothing here is forbidden by default that they could allow.
    if (lower_key(key) == "entitlements") continue;
    if (lower_key(key) != "gc" || !part.is_object()) throw Mismatch{right};
    for (const auto& [name, item] : part.items()) {
      if (take_space(name, item, "default", out.space)) continue;
      const std::string lower = lower_key(name);
      if (lower == "enabled") {
        take(item, out.collects);
      } else if (lower == "policy" && item.is_array()) {
        for (const Json& rule : item) take(rule, out.policy.emplace_back());
      } else {
        throw Mismatch{right};
      }
    }
  }
}

const Setting* find_setting(const std::string& key) {
  for (const Setting& setting : settings()) {
    if (key == setting.key) return &setting;
  }
  return nullptr;
}

std::string all_keys() {
  std::string keys;
  for (const Setting& setting : settings()) keys += (keys.empty() ? "" : ", ") + std::string{setting.key};
  return keys;
}

void refuse_conflicts(const Json& content, const Config& config) {
  std::string conflicts;
  for (const auto& [key, value] : content.items()) {
    if (!config.given.contains(key)) continue;
    conflicts += (conflicts.empty() ? "" : ", ") + key + ": (from flag: " + show(config, *find_setting(key)) +
                 ", from file: " + (value.is_string() ? value.get<std::string>() : value.dump()) + ")";
  }
  if (conflicts.empty()) return;
  throw Error{Errc::invalid,
              "the following directives are specified both as a flag and in the configuration file: " + conflicts};
}

void refuse_unknown(const Json& content) {
  std::string unknown;
  for (const auto& [key, value] : content.items()) {
    if (find_setting(key) == nullptr) unknown += (unknown.empty() ? "" : ", ") + key;
  }
  if (unknown.empty()) return;
  throw Error{Errc::invalid, "the following directives don't match any configuration option: " + unknown +
                                 "; there are: " + all_keys()};
}

Json parse(const std::string& content) {
  try {
    Json parsed = Json::parse(content);
    if (!parsed.is_object()) throw Error{Errc::invalid, "an object was expected"};
    return parsed;
  } catch (const Json::exception& failure) {
    std::string complaint = failure.what();
    if (const auto end = complaint.find("] "); end != std::string::npos) complaint.erase(0, end + 2);
    throw Error{Errc::invalid, complaint};
  }
}

void take_all(const Json& content, Config& config) {
  for (const auto& [key, value] : content.items()) {
    if (value.is_null()) continue;  // as in dockerd: not given
    try {
      std::visit([&, &value = value](const auto member) { take(value, config.*member); }, find_setting(key)->member);
    } catch (const Mismatch& mismatch) {
      throw Error{Errc::invalid, key + " is " + value.dump().substr(0, 80) + ", but " + mismatch.right + " is needed"};
    }
    config.given.insert(key);
    config.from_file.insert(key);
  }
}

}  // namespace

std::string show(const Config& config, const Setting& setting) {
  return std::visit(
      [&](const auto member) -> std::string {
        const auto& value = config.*member;
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, Strings> || std::is_same_v<Value, Texts> ||
                      std::is_same_v<Value, std::string> || std::is_arithmetic_v<Value>) {
          const Json json = value;
          return json.is_string() ? json.get<std::string>() : json.dump();
        } else if constexpr (std::is_same_v<Value, IsolatedPlugins>) {
          return value.names.empty() ? Json(value.all).dump() : Json(value.names).dump();
        } else if constexpr (std::is_same_v<Value, Builder>) {
          return value == Builder{} ? "default" : "given";
        } else {
          return std::to_string(value.size()) + " given";
        }
      },
      setting.member);
}

void read_config_file(const std::string& file, bool required, Config& config) {
  std::string content;
  try {
    content = read_file(file, kLargestFile);
  } catch (const Error& error) {
    if (error.code() == Errc::not_found && !required) return;
    throw Error{Errc::invalid, "unable to configure the daemon with file " + file + ": " + error.what()};
  }
  if (content.find_first_not_of(" \t\r\n") == std::string::npos) return;
  try {
    Json parsed = parse(content);
    config.foreign = take_out_foreign_keys(parsed);
    refuse_unknown(parsed);
    refuse_conflicts(parsed, config);
    take_all(parsed, config);
  } catch (const Error& error) {
    throw Error{Errc::invalid, "unable to configure the daemon with file " + file + ": " + error.what()};
  }
}

Config load_config(const Config& command_line, const std::string& file, bool required) {
  check(command_line);
  Config config = command_line;
  read_config_file(file, required, config);
  try {
    check(config);
  } catch (const Error& error) {
    throw Error{Errc::invalid, "unable to configure the daemon with file " + file + ": " + error.what()};
  }
  // dockerd's name for it.
  if (config.storage_driver == "overlay2" || config.storage_driver.empty()) config.storage_driver = "overlay";
  return config;
}

}  // namespace gantry::daemon
