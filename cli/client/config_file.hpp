#pragma once

#include <memory>
#include <string>

#include "json.hpp"

namespace gantry::cli {

/// Docker's config.json: formats that the user prefers, and where credentials are.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& directory);
  ~ConfigFile();

  /// A text at the top level, or empty.
  [[nodiscard]] std::string text(const std::string& key) const;
  [[nodiscard]] const Json& json() const { return *json_; }
  Json& json() { return *json_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Writes the file, readable for the user only.
  void save() const;

 private:
  std::string path_;
  std::unique_ptr<Json> json_;
};

}  // namespace gantry::cli
