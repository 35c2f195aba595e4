#pragma once

#include <string>
#include <vector>

#include "images/catalog.hpp"

namespace gantry::images {

/// The repositories of `target`'s registry that may have a blob, as images with it were pulled from or pushed to them:
/// a few, those first whose path has most in common with the target's, as they are the likeliest to be shown to its
/// user.
std::vector<std::string> mount_candidates(const Catalog& catalog, const Reference& target, const std::string& digest);

}  // namespace gantry::images
