#pragma once

#include <filesystem>
#include <optional>
#include <regex>
#include <string>
#include <vector>

namespace gantry::e2e::differential {

/// What may differ, on purpose: read from differences.txt.
class Differences {
 public:
  explicit Differences(const std::filesystem::path& file);

  /// The transcript of a case without what may differ in it: JSON members are dropped, texts become "<differs>".
  [[nodiscard]] std::string blind(const std::string& topic, const std::string& name, const std::string& client,
                                  const std::string& transcript) const;

 private:
  struct Rule {
    std::regex where;  ///< "topic/case name@client"
    std::string pointer;
    std::optional<std::regex> command;
    std::regex text;
  };
  [[nodiscard]] bool differs_at(const std::string& where, const std::string& command) const;

  std::vector<Rule> rules_;
};

}  // namespace gantry::e2e::differential
