#pragma once

#include <string>

#include "gantry/driver.hpp"

namespace gantry::layer_archive {

/// A directory to put something together in, below "tmp" of a driver's data directory. Removed unless it was moved
/// away.
class Scratch {
 public:
  explicit Scratch(const std::string& data_dir);
  /// The same for what becomes a layer: the filesystem is told to put these far from each other.
  enum class ForLayer { yes };
  Scratch(const std::string& data_dir, ForLayer purpose);
  Scratch(Scratch&& other) noexcept;
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Gives the directory its place. False if there is something already. Errors: io.
  bool move_to(const std::string& place);

  /// Takes what is at `place` out of sight at once, then removes it. Nothing happens if there is nothing.
  static void remove(const std::string& data_dir, const std::string& place);

  /// Makes "tmp" in the driver's data directory and removes what a crash left in it; logs what can't be removed.
  static void clean(const Host& host);

 private:
  std::string path_;
};

/// Makes a directory, and removes what a crash left in it; logs what can't be removed.
void make_empty(const Host& host, const std::string& path);

/// Small records beside the trees. Errors: not_found, exhausted, io.
void write_text(const std::string& path, const std::string& text);
std::string read_text(const std::string& path);

}  // namespace gantry::layer_archive
