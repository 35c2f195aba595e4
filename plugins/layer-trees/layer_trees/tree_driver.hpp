#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gantry/abi.hpp"
#include "gantry/storage.hpp"
#include "layer_trees/tree_store.hpp"

namespace gantry::layer_trees {

/// Every layer and every top is a directory with the whole tree; how a tree is copied is a driver's own.
class TreeDriver : public storage::v1::Driver {
 public:
  /// `tree`: where the tree is below the directory of a layer or a top.
  TreeDriver(std::string name, std::string tree) : name_(std::move(name)), tree_(std::move(tree)) {}

  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void apply(const storage::v1::ChainId& id, const std::vector<storage::v1::ChainId>& parents, ByteSource& tar,
             storage::v1::AppliedLayer& out, const Call& call) override;
  void remove_layer(const storage::v1::ChainId& id, const Call& call) override;
  void prepare(const storage::v1::Key& key, const std::vector<storage::v1::ChainId>& layers,
               const storage::v1::PrepareOptions& options, std::vector<Mount>& out, const Call& call) override;
  void mounts(const storage::v1::Key& key, std::vector<Mount>& out, const Call& call) override;
  void remove(const storage::v1::Key& key, const Call& call) override;
  void usage(const storage::v1::Key& key, storage::v1::Usage& out, const Call& call) override;
  void changes(const storage::v1::Key& key, std::vector<storage::v1::Change>& out, const Call& call) override;
  void diff(const storage::v1::Key& key, ByteSink& tar, const Call& call) override;
  void list(storage::v1::Holdings& out, const Call& call) override;

 protected:
  /// Errors: unsupported.
  virtual void check_filesystem(const std::string& data_dir) const = 0;
  /// Makes the tree of `scratch` a copy of the tree `original`.
  virtual void copy_into(const layer_archive::Scratch& scratch, const std::string& original,
                         const Call& call) const = 0;
  /// Before the directory of a layer or a top is removed, which need not be there: what of it goes faster in another
  /// way.
  virtual void destroy(const std::string& directory) const = 0;

 private:
  [[nodiscard]] Mount mount_of(const storage::v1::Key& key) const;
  /// The tree that the top was copied from.
  [[nodiscard]] std::string origin(const storage::v1::Key& key) const;

  std::string name_;
  std::string tree_;
  std::string data_dir_;
  std::unique_ptr<TreeStore> trees_;
};

}  // namespace gantry::layer_trees
