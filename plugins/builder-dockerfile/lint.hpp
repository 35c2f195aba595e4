#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "instruction.hpp"
#include "lint_work.hpp"
#include "path_patterns/pattern.hpp"

namespace gantry::dockerfile {

/// What is allowed in a recipe and seldom meant, by BuildKit's rules and in its words.
struct Finding {
  std::string rule;  ///< "MaintainerDeprecated".
  std::string text;
  std::size_t line{};
  std::size_t last_line{};
};

/// "MaintainerDeprecated: Maintainer instruction ... (line 2)".
std::string show_finding(const Finding& finding);
/// "WARNING: MaintainerDeprecated - <where more is said of it>", and on the next line what was found.
std::string explain_finding(const Finding& finding);

/// What the directive "# check=skip=Rule,Rule;error=true;experimental=Rule" says.
struct CheckOptions {
  std::vector<std::string> skip;          ///< "all": every rule but those on trial.
  std::vector<std::string> experimental;  ///< Those of the rules on trial that are wanted; "all": every one.
  bool error{};

  [[nodiscard]] bool wants(const std::string& rule) const;
  /// The same for one instruction, with the comments that stand right before it: one may be "check=skip=Rule".
  [[nodiscard]] CheckOptions with(const std::vector<std::string>& comments) const;
};
/// Errors: invalid.
CheckOptions parse_check(const std::string& text);

/// The config of an image that a stage stands on; none if it cannot be had.
using BaseConfig =
    std::function<std::optional<builder::v1::Config>(const std::string& reference, const std::string& platform)>;

/// What the user says in its place, or the recipe. Errors: invalid.
CheckOptions check_options(const builder::v1::Request& request, const Recipe& recipe);

/// What is looked through.
struct LintSubject {
  const Recipe& recipe;
  const Arguments& arguments;    ///< Those before the first stage are declared.
  std::set<std::size_t> stages;  ///< Whose instructions are looked at; each FROM is.
  const path_patterns::IgnorePatterns& ignored;
  BaseConfig base;  ///< Only asked if a variable may be the image's.
  CheckOptions options;
  const Call& call;
};

struct Findings {
  std::vector<Finding> list;  ///< In the order of lines.
  bool whole{true};           ///< False: there was too much to look at, so there may be more.
};
/// Errors: cancelled.
Findings lint(const LintSubject& subject);

/// Takes a finding about an instruction, if its rule is wanted there.
using AddFinding = std::function<void(const char* rule, std::string text, const Instruction& about)>;
/// lint_file.cpp: what can be said of the recipe as it is written.
void lint_file(const LintSubject& subject, LintWork& work, const AddFinding& add);
/// lint_steps.cpp: what depends on what came before in a stage.
void lint_steps(const LintSubject& subject, LintWork& work, const AddFinding& add);

/// A word with its variables replaced, and which of them there were.
struct Expanded {
  std::string text;
  std::set<std::string> found;
  std::set<std::string> missing;
};
/// None if the word is wrong: the build says so itself.
std::optional<Expanded> try_expand(const std::string& word, char escape, const Variables& variables, LintWork& work);

}  // namespace gantry::dockerfile
