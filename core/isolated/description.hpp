#pragma once

#include <string>
#include <vector>

#include "gantry/driver.hpp"

namespace gantry::isolated {

/// What a driver's file says of itself.
struct Description {
  std::string kind;
  std::string name;
  std::string version;
  std::string interface;  ///< "volume/1.0".
  Capabilities capabilities;
  std::vector<OptionInfo> options;
};

}  // namespace gantry::isolated
