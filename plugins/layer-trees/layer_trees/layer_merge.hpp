#pragma once

#include "gantry/call.hpp"

namespace gantry::layer_trees {

/// Moves what is in the directory `layer` (in overlayfs's form) over the tree in `tree`, as overlayfs would show the
/// two: whiteouts remove, opaque directories empty, files replace, directories merge and bring their attributes.
void merge_layer(int layer, int tree, const Call& call);

}  // namespace gantry::layer_trees
