#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gantry/driver.hpp"

namespace gantry::local {

/// The volumes on disk:
///
///     <data>/<name>/_data/     the data, or the place that it is mounted on
///     <data>/<name>/options    what the user asked for: "name=value" lines; missing if nothing
///     <data>/.tmp/             what is being made or removed
///     <exec>/<name>.users      who has it mounted, one a line; like the mount it does not outlive the host's run
///
/// A volume comes and goes by one rename of its directory. Holds no state in memory, so it is thread-safe for different
/// names.
class VolumeStore {
 public:
  /// Removes what a crash left behind.
  VolumeStore(std::string data_dir, std::string exec_dir);

  [[nodiscard]] bool contains(const std::string& name) const;
  [[nodiscard]] std::string data(const std::string& name) const;  ///< Host path of "_data".
  /// Errors: not_found ("get x: no such volume").
  [[nodiscard]] Options options(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> list() const;

  /// `fill` writes the data before anybody sees the volume: all or nothing.
  using Fill = std::function<void(const std::string& data)>;
  void add(const std::string& name, const Options& options, const Fill& fill = {});
  /// Succeeds if `from` is gone and `to` there. Errors: not_found, conflict (both are there).
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& name);

  [[nodiscard]] std::set<std::string> users(const std::string& name) const;
  void set_users(const std::string& name, const std::set<std::string>& users);

 private:
  [[nodiscard]] std::string directory(const std::string& name) const;
  [[nodiscard]] std::string users_file(const std::string& name) const;
  [[nodiscard]] std::string scratch() const;

  std::string data_dir_;
  std::string exec_dir_;
};

}  // namespace gantry::local
