#pragma once

#include <functional>
#include <string>
#include <vector>

#include "build/package_lists.hpp"

namespace gantry::build {

/// What is installed in a tree.
struct Inventory {
  Distribution distribution;
  std::vector<Package> packages;
  std::vector<std::string> unread;  ///< Lists that are there and that nobody here can read.
};

/// What is read of one image, all lists together. A system of ten thousand packages has a list of 30 MB.
inline constexpr std::size_t kMaxListBytes = std::size_t{64} << 20;

/// Reads the lists of dpkg, apk and rpm below `root`, an image's root directory. Links in it are the image's and lead
/// nowhere else; a list that is no plain file is passed over. `check` is called now and then, and may throw.
/// Errors: invalid (there is more than is read of an image: a list that is not whole would be a lie).
Inventory scan_packages(int root, const std::function<void()>& check);

}  // namespace gantry::build
