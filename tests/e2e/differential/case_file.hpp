#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gantry::e2e::differential {

/// A session script: what a user types, one command a line.
struct Case {
  std::string name;
  std::vector<std::string> commands;

  /// Whether it uses a client, and so is worth running with both.
  [[nodiscard]] bool uses_client() const;
};

/// The cases of a file: "== name", then commands; "#" begins a comment, "\" at a line's end joins it with the next.
/// Errors: std::runtime_error (a command before the first name, a name twice).
std::vector<Case> read_cases(const std::filesystem::path& file);

/// What dockerd answered: "== name", then the transcript; by name. Empty if there is no such file.
std::map<std::string, std::string> read_recorded(const std::filesystem::path& file);

/// The topics: the names of the files in cases/, sorted.
std::vector<std::string> topics();

std::filesystem::path cases_of(const std::string& topic);
std::filesystem::path recorded_of(const std::string& topic);

}  // namespace gantry::e2e::differential
