#pragma once

#include <map>
#include <string>
#include <vector>

namespace gantry::containers {

/// ContainerList's parameters, or ContainerPrune's.
struct Filter {
  bool all{};
  int limit{};                                            ///< 0: none. With a limit also those that don't run.
  std::map<std::string, std::vector<std::string>> terms;  ///< "label": ["a=b"], ...
};

}  // namespace gantry::containers
