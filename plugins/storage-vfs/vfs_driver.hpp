#pragma once

#include "layer_trees/tree_driver.hpp"

namespace gantry::vfs {

/// Every layer and every top is a directory with the whole tree: slow and large, but it works on any filesystem.
class VfsDriver : public layer_trees::TreeDriver {
 public:
  VfsDriver() : layer_trees::TreeDriver("vfs", "tree") {}

 protected:
  void check_filesystem(const std::string& /*data_dir*/) const override {}
  void copy_into(const layer_archive::Scratch& scratch, const std::string& original, const Call& call) const override;
  void destroy(const std::string& /*directory*/) const override {}
};

}  // namespace gantry::vfs
