#pragma once

#include "layer_trees/tree_driver.hpp"

namespace gantry::btrfs {

/// Every layer and every top is a subvolume of btrfs with the whole tree: a snapshot of the one that it stands on.
class BtrfsDriver : public layer_trees::TreeDriver {
 public:
  /// What is unpacked beside a tree has to be in the same subvolume, to be moved into it: so the tree is below it.
  BtrfsDriver() : layer_trees::TreeDriver("btrfs", "volume/tree") {}

 protected:
  void check_filesystem(const std::string& data_dir) const override;
  void copy_into(const layer_archive::Scratch& scratch, const std::string& original, const Call& call) const override;
  void destroy(const std::string& directory) const override;
};

}  // namespace gantry::btrfs
