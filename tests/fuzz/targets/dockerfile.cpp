#include <cstdlib>
#include <optional>
#include <string>

#include "drivers/silent_call.hpp"
#include "fuzz_target.hpp"
#include "instruction.hpp"
#include "lint.hpp"
#include "source_excerpt.hpp"
#include "words.hpp"

namespace {

/// All of a recipe, with an image below that has a variable, or that nobody has.
void look_through(const gantry::dockerfile::Recipe& recipe, std::string_view text) {
  using namespace gantry::dockerfile;
  Arguments arguments{gantry::builder::v1::Request{}};
  std::set<std::size_t> stages;
  for (std::size_t at = 0; at < recipe.stages.size(); ++at) stages.insert(at);
  const auto ignored = gantry::path_patterns::IgnorePatterns::parse("a\n");
  const BaseConfig base = [](const std::string& reference, const std::string&) {
    gantry::builder::v1::Config config;
    config.env = {"KNOWN=1"};
    return reference.size() % 2 == 0 ? std::optional{config} : std::nullopt;
  };
  CheckOptions options;
  options.experimental = {"all"};
  const gantry::conformance::SilentCall call;
  const Findings findings = lint({recipe, arguments, stages, ignored, base, options, call});
  for (const Finding& finding : findings.list) {
    if (explain_finding(finding).empty()) std::abort();
    if (source_excerpt("Dockerfile", text, finding.line, finding.last_line).size() > 100'000) std::abort();
  }
  try {
    static_cast<void>(parse_check(recipe.check));
  } catch (const gantry::Error&) {
    // It says so.
  }
}

}  // namespace

FUZZ_TARGET(text) {
  using namespace gantry::dockerfile;
  const Recipe recipe = parse_recipe(text, "Dockerfile");
  if (recipe.stages.empty()) std::abort();
  look_through(recipe, text);
  const Variables variables = [](std::string_view name) -> std::optional<std::string> {
    if (name.size() % 2 == 0) return std::nullopt;
    return std::string{name};
  };
  for (const Stage& stage : recipe.stages) {
    for (const Instruction& instruction : stage.instructions) {
      try {
        static_cast<void>(expand(instruction.text, recipe.escape, variables));
      } catch (const gantry::Error&) {
        // One that cannot be expanded must not hide the others.
      }
      static_cast<void>(quoted_words(instruction.text, recipe.escape));
    }
  }
}
