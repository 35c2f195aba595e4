#include <cstdlib>
#include <optional>
#include <string>

#include "fuzz_target.hpp"
#include "instruction.hpp"
#include "words.hpp"

FUZZ_TARGET(text) {
  using namespace gantry::dockerfile;
  const Recipe recipe = parse_recipe(text, "Dockerfile");
  if (recipe.stages.empty()) std::abort();
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
