#pragma once

#include <cstddef>
#include <string>

#include "arguments.hpp"
#include "gantry/builder.hpp"

namespace gantry::dockerfile {

/// What one stage has come to.
struct StageState {
  std::string image;  ///< Empty: nothing was made yet.
  builder::v1::Config config;
  std::string author;
  StageArguments::OfStage arguments;
  bool cmd_set{};       ///< By this stage: a new ENTRYPOINT keeps it.
  bool cache_missed{};  ///< From here on nothing is looked for.
};

/// About how much memory it takes.
std::size_t weight_of(const StageState& state);

}  // namespace gantry::dockerfile
