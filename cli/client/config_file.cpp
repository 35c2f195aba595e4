#include "client/config_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "client/pending_file.hpp"

namespace gantry::cli {

namespace {

/// What has another type than Docker's programs expect, in their words; the rest of the file holds all the same.
std::string mistake(const Json& config) {
  static constexpr std::array kTexts{"credsStore",    "currentContext", "detachKeys",  "imagesFormat", "networksFormat",
                                     "pluginsFormat", "psFormat",       "statsFormat", "volumesFormat"};
  static constexpr std::array<std::pair<const char*, const char*>, 4> kMaps{
      {{"HttpHeaders", "map[string]string"},
       {"auths", "map[string]types.AuthConfig"},
       {"credHelpers", "map[string]string"},
       {"proxies", "map[string]configfile.ProxyConfig"}}};
  if (config.is_discarded()) return "invalid character";
  const auto kind = [](const Json& value) { return std::string(value.is_boolean() ? "bool" : value.type_name()); };
  if (!config.is_object())
    return "json: cannot unmarshal " + kind(config) + " into Go value of type configfile.ConfigFile";
  const auto field = [&](const char* key, const char* type, bool fits) {
    return fits ? ""
                : "json: cannot unmarshal " + kind(config[key]) + " into Go struct field ConfigFile." + key +
                      " of type " + type;
  };
  for (const auto& item : config.items()) {
    std::string out;
    for (const char* key : kTexts) {
      if (item.key() == key) out = field(key, "string", item.value().is_string() || item.value().is_null());
    }
    for (const auto& [key, type] : kMaps) {
      if (item.key() == key) out = field(key, type, item.value().is_object() || item.value().is_null());
    }
    if (item.key() == "pruneFilters") {
      out = field("pruneFilters", "[]string", item.value().is_array() || item.value().is_null());
    }
    if (!out.empty()) return out;
  }
  return "";
}

}  // namespace

ConfigFile::ConfigFile(const std::string& directory)
    : path_(directory + "/config.json"), json_(std::make_unique<Json>(Json::object())) {
  std::ifstream file(path_);
  if (!file) return;
  Json parsed = Json::parse(file, nullptr, false);
  const std::string wrong = mistake(parsed);
  if (!wrong.empty()) std::cerr << "WARNING: Error parsing config file (" << path_ << "): " << wrong << "\n";
  if (parsed.is_object()) *json_ = std::move(parsed);
}

ConfigFile::~ConfigFile() = default;

std::string ConfigFile::text(const std::string& key) const {
  const auto found = json_->find(key);
  return found != json_->end() && found->is_string() ? found->get<std::string>() : "";
}

void ConfigFile::save() const {
  const std::string directory = path_.substr(0, path_.rfind('/'));
  ::mkdir(directory.c_str(), 0700);
  PendingFile file(path_);
  write_fully(file.fd(), json_->dump(1, '\t'));
  file.commit();
}

}  // namespace gantry::cli
