#pragma once

#include <functional>
#include <vector>

#include "build/package_lists.hpp"

namespace gantry::build {

/// What is installed in a tree.
struct Inventory {
  Distribution distribution;
  std::vector<Package> packages;
};

/// Reads the lists of dpkg and apk below `root`, an image's root directory. Links in it are the image's and lead
/// nowhere else; a list that is no plain file, or too large, is passed over. `check` is called now and then, and may
/// throw.
Inventory scan_packages(int root, const std::function<void()>& check);

}  // namespace gantry::build
