#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "instruction.hpp"
#include "lint.hpp"
#include "lint_work.hpp"

namespace gantry::dockerfile {

/// An image that stages stand on. It is asked for when a variable may be one of its.
struct LintBase {
  std::string reference;
  std::string platform;
  bool asked{};
  std::optional<std::vector<std::string>> env;  ///< None: nobody knows.
};

/// The variables that a stage has set, on top of those of the stage below: nothing is copied, however many stages there
/// are on one that has set thousands.
class LintVariables {
 public:
  LintVariables(const LintVariables* below, const Arguments& arguments, LintWork& work)
      : below_(below), arguments_(arguments), work_(work) {}

  void set_env(const std::string& name, const std::string& value);
  void declare(const std::string& name, const std::optional<std::string>& value);

  [[nodiscard]] const std::string* env(std::string_view name) const;
  /// Whether an ARG has named it.
  [[nodiscard]] bool is_declared(std::string_view name) const { return declared(name) != nullptr; }
  /// What an ARG, or the user, has given it.
  [[nodiscard]] std::optional<std::string> argument(std::string_view name) const;

  /// Each once or more, until there are `most`.
  [[nodiscard]] std::vector<std::string> names(std::vector<std::string> out, std::size_t most) const;

 private:
  [[nodiscard]] const std::optional<std::string>* declared(std::string_view name) const;
  [[nodiscard]] std::vector<const LintVariables*> from_lowest() const;

  const LintVariables* below_;
  const Arguments& arguments_;
  LintWork& work_;
  std::map<std::string, std::string, std::less<>> env_;
  std::vector<std::string> order_;  ///< The names in `env_` as they came.
  std::map<std::string, std::optional<std::string>, std::less<>> declared_;
};

/// What a stage has come to.
struct LintScope {
  const LintVariables* below{};    ///< Of the stage below.
  LintVariables* own{};            ///< None: it has set nothing.
  std::shared_ptr<LintBase> base;  ///< None: "scratch".
  std::vector<Instruction> triggers;
  bool has_shell{};
  bool has_directory{};

  [[nodiscard]] const LintVariables* variables() const { return own != nullptr ? own : below; }
};

}  // namespace gantry::dockerfile
