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
  /// Errors: std::runtime_error (a line that is no rule).
  explicit Differences(const std::filesystem::path& file);

  /// Both transcripts of a case as they are compared: what may differ is gone from both ("<differs>" stands for a
  /// text), and dockerd's has gantryd's words where a rule names them.
  struct Compared {
    std::string dockerd;
    std::string gantryd;
  };
  [[nodiscard]] Compared compare(const std::string& topic, const std::string& name, const std::string& client,
                                 const std::string& dockerd, const std::string& gantryd) const;

  /// The rules that concern none of these: a case's name as in the file, and its commands.
  struct Place {
    std::string where;  ///< "topic/case name@client"
    std::vector<std::string> commands;
  };
  [[nodiscard]] std::vector<std::string> without_use(const std::vector<Place>& places) const;

 private:
  struct Rule {
    std::string line;
    std::regex where;
    std::optional<std::regex> command;   ///< only in answers to these
    std::string pointer;                 ///< a member that is left out, or
    std::optional<std::regex> text;      ///< a text, or neither: the whole answer
    std::optional<std::string> instead;  ///< what gantryd has instead of dockerd's `text`
  };
  static Rule parse(const std::string& line);
  static std::string apply(const std::vector<const Rule*>& rules, const std::string& transcript, bool is_dockerd);

  std::vector<Rule> rules_;
};

}  // namespace gantry::e2e::differential
