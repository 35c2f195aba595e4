#pragma once

#include <string>
#include <vector>

#include "gantry/storage.hpp"

namespace gantry::layer_trees {

/// What differs in the tree `now` from the tree `then`, as `docker diff` tells it, sorted by path.
std::vector<storage::v1::Change> tree_changes(const std::string& then, const std::string& now, const Call& call);

/// What the files that were added or modified take up.
storage::v1::Usage size_of_changes(const std::string& now, const std::vector<storage::v1::Change>& changes);

/// Writes the changes as a layer's tar stream.
void write_changes(const std::string& now, const std::vector<storage::v1::Change>& changes, ByteSink& tar,
                   const Call& call);

}  // namespace gantry::layer_trees
