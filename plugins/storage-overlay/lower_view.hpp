#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layer_archive/directory.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::overlay {

/// One directory as the layers below a top show it: merged as overlayfs merges, without mounting anything.
class LowerView {
 public:
  /// The root. `trees` are the layers' directories, topmost first.
  explicit LowerView(const std::vector<std::string>& trees);

  /// Whether any layer has this directory.
  [[nodiscard]] bool exists() const noexcept { return !directories_.empty(); }

  /// What is seen under `name`; false if nothing. `directory` is where it lies.
  bool find(const std::string& name, struct stat& out, int& directory) const;

  /// The directory `name`; one that does not exist if it is none.
  [[nodiscard]] LowerView enter(const std::string& name) const;

  /// All names that are seen, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  LowerView() = default;
  std::vector<layer_archive::Directory> directories_;  ///< Topmost first.
};

}  // namespace gantry::overlay
