#pragma once

#include <string>

#include "json.hpp"

namespace gantry::cli {

/// Images and, below each, the manifests for its platforms, as `docker image ls --tree` lays them out. `images`: the
/// daemon's list with "Manifests", the newest first.
std::string image_tree(const Json& images);

}  // namespace gantry::cli
