#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "environment.hpp"
#include "gantry/builder.hpp"
#include "words.hpp"

namespace gantry::dockerfile {

/// A build argument that stands for the recipe's directive "check".
inline constexpr const char* kCheckArgument = "BUILDKIT_DOCKERFILE_CHECK";

/// What --build-arg and the ARGs before the first FROM mean. All stages share it.
class Arguments {
 public:
  explicit Arguments(const builder::v1::Request& request);

  /// ARG before the first FROM.
  void declare_global(const std::string& name, const std::optional<std::string>& value);

  /// What FROM sees.
  [[nodiscard]] Variables global() const;

  /// What an ARG in a stage makes of it: one without a value takes the global one.
  [[nodiscard]] std::optional<std::string> known(const std::string& name,
                                                 const std::optional<std::string>& value) const;
  /// The value of a name in a stage. `declared`: what an ARG of it has made of it; none: no ARG names it.
  [[nodiscard]] std::optional<std::string> in_stage(const std::string& name,
                                                    const std::optional<std::string>* declared) const;

  [[nodiscard]] bool is_given(const std::string& name) const;
  /// What the user gave for those that no ARG needs to name.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> proxies() const;

  /// Names that the user gave and no ARG took, `used` being those of the stages'.
  [[nodiscard]] std::vector<std::string> unused(const std::set<std::string>& used) const;
  /// Whether it is a proxy that no ARG before the first FROM names.
  [[nodiscard]] bool is_silent(const std::string& name) const;

 private:
  using Values = std::map<std::string, std::optional<std::string>>;
  [[nodiscard]] std::optional<std::string> value_of(const std::string& name, const Values& from) const;

  Values given_;
  Values platform_;
  Values global_;
};

/// The arguments of one stage.
class StageArguments {
 public:
  /// `shared` must live as long.
  explicit StageArguments(const Arguments& shared) : shared_(shared) {}

  /// Without a value of its own it takes the global one, or keeps the one that it has.
  void declare(const std::string& name, const std::optional<std::string>& value);

  /// By name. A stage that stands on another has that one's too.
  using OfStage = std::map<std::string, std::optional<std::string>>;
  [[nodiscard]] const OfStage& of_stage() const noexcept { return stage_; }
  void inherit(const OfStage& arguments) { stage_ = arguments; }

  [[nodiscard]] std::optional<std::string> find(const std::string& name) const;

  /// "NAME=value" of all that the stage may use and `env` does not set.
  [[nodiscard]] std::vector<std::string> allowed(const Environment& env) const;

  /// Those of `allowed` that name a step in the cache and the history: all but the proxies that no ARG names.
  [[nodiscard]] std::vector<std::string> telling(const std::vector<std::string>& allowed) const;

  /// The names of the stage's own ARGs.
  [[nodiscard]] const std::set<std::string>& used() const noexcept { return referenced_; }

 private:
  const Arguments& shared_;
  OfStage stage_;
  std::set<std::string> referenced_;
};

}  // namespace gantry::dockerfile
