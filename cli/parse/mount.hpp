#pragma once

#include <string>

#include "json.hpp"

namespace gantry::cli {

/// One `--mount`: the API's Mount. Throws InvalidValue.
Json parse_mount(const std::string& text);

/// One `--volume`: a bind ("source:target:mode") for HostConfig.Binds, or the target of an anonymous volume.
struct VolumeSpec {
  std::string bind;
  std::string anonymous;
};
VolumeSpec parse_volume(const std::string& text);

}  // namespace gantry::cli
