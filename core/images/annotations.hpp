#pragma once

#include <map>
#include <string>

namespace gantry::images {

/// What is noted on an image and where it is named, for whoever gets it (OCI image spec, annotations.md).
struct Annotations {
  using Notes = std::map<std::string, std::string>;

  Notes manifest;
  Notes manifest_descriptor;  ///< Where an index names the manifest: the one of a layout, if there is no other.
  Notes index;                ///< Of the image and of what is said about it.
  Notes index_descriptor;     ///< Where the index of a layout names that one.

  [[nodiscard]] bool any() const noexcept { return !manifest.empty() || !manifest_descriptor.empty() || needs_index(); }
  [[nodiscard]] bool needs_index() const noexcept { return !index.empty() || !index_descriptor.empty(); }
};

}  // namespace gantry::images
