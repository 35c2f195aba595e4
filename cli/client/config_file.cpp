#include "client/config_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "client/pending_file.hpp"

namespace gantry::cli {

ConfigFile::ConfigFile(const std::string& directory)
    : path_(directory + "/config.json"), json_(std::make_unique<Json>(Json::object())) {
  std::ifstream file(path_);
  if (!file) return;
  Json parsed = Json::parse(file, nullptr, false);
  if (parsed.is_object()) {
    *json_ = std::move(parsed);
  } else {
    std::cerr << "WARNING: Error loading config file: " << path_ << ": not a JSON object\n";
  }
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
