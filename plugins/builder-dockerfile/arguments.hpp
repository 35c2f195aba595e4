#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gantry/builder.hpp"
#include "words.hpp"

namespace gantry::dockerfile {

/// A build argument that stands for the recipe's directive "check".
inline constexpr const char* kCheckArgument = "BUILDKIT_DOCKERFILE_CHECK";

/// What ARG and --build-arg mean: which names a stage may use, and their values.
class Arguments {
 public:
  explicit Arguments(const builder::v1::Request& request);

  /// ARG before the first FROM.
  void declare_global(const std::string& name, const std::optional<std::string>& value);
  /// ARG in a stage: without a value of its own it takes the global one, or keeps the one that it has.
  void declare(const std::string& name, const std::optional<std::string>& value);
  /// What `declare` makes of it.
  [[nodiscard]] std::optional<std::string> known(const std::string& name,
                                                 const std::optional<std::string>& value) const;
  /// The value of a name in a stage. `declared`: what an ARG of it has made of it; none: no ARG names it.
  [[nodiscard]] std::optional<std::string> in_stage(const std::string& name,
                                                    const std::optional<std::string>* declared) const;
  /// Those of the stage, by name. A stage that stands on another has that one's too.
  using OfStage = std::map<std::string, std::optional<std::string>>;
  [[nodiscard]] const OfStage& of_stage() const noexcept { return stage_; }
  void inherit(const OfStage& arguments) { stage_ = arguments; }

  /// What FROM sees.
  [[nodiscard]] Variables global() const;

  /// "NAME=value" of all that the stage may use and `env` does not set.
  [[nodiscard]] std::vector<std::string> allowed(const std::vector<std::string>& env) const;

  /// Those of `allowed` that name a step in the cache and the history: all but the proxies that no ARG names.
  [[nodiscard]] std::vector<std::string> telling(const std::vector<std::string>& allowed) const;

  [[nodiscard]] const std::set<std::string>& used() const noexcept { return referenced_; }

  [[nodiscard]] bool is_given(const std::string& name) const;

  /// Names that the user gave and no ARG took.
  [[nodiscard]] std::vector<std::string> unused() const;

 private:
  [[nodiscard]] std::optional<std::string> value_of(
      const std::string& name, const std::map<std::string, std::optional<std::string>>& from) const;

  std::map<std::string, std::optional<std::string>> given_;
  std::map<std::string, std::optional<std::string>> platform_;
  std::map<std::string, std::optional<std::string>> global_;
  std::map<std::string, std::optional<std::string>> stage_;
  std::set<std::string> referenced_;
};

/// The value of `name` in "NAME=value" lines.
std::optional<std::string> find_variable(const std::vector<std::string>& env, std::string_view name);
void set_variable(std::vector<std::string>& env, const std::string& name, const std::string& value);

}  // namespace gantry::dockerfile
