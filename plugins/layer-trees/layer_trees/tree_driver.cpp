#include "layer_trees/tree_driver.hpp"

#include <fcntl.h>

#include <filesystem>

#include "layer_archive/directory.hpp"
#include "layer_archive/scratch.hpp"
#include "layer_archive/tree.hpp"
#include "layer_archive/unpack.hpp"
#include "layer_trees/layer_merge.hpp"
#include "layer_trees/tree_changes.hpp"

namespace gantry::layer_trees {

namespace fs = std::filesystem;

using layer_archive::Directory;
using layer_archive::Scratch;
using storage::v1::AppliedLayer;
using storage::v1::ChainId;
using storage::v1::Change;
using storage::v1::Holdings;
using storage::v1::Key;
using storage::v1::PrepareOptions;
using storage::v1::Usage;

void TreeDriver::capabilities(Capabilities& out) const { out.clear(); }

void TreeDriver::options(std::vector<OptionInfo>& out) const { out.clear(); }

void TreeDriver::open(Host& host) {
  data_dir_ = host.data_dir();
  check_filesystem(data_dir_);
  Scratch::clean(host);
  trees_ = std::make_unique<TreeStore>(data_dir_, tree_);
}

void TreeDriver::apply(const ChainId& id, const std::vector<ChainId>& parents, ByteSource& tar, AppliedLayer& out,
                       const Call& call) {
  if (trees_->has_layer(id)) {
    out.size = trees_->layer_size(id);
    return;
  }
  const std::string below = trees_->layer_tree(parents);
  Scratch scratch{data_dir_};
  copy_into(scratch, below, call);
  // Beside the tree, so that what is unpacked can be moved into it.
  const fs::path tree = fs::path(scratch.path()) / tree_;
  const std::string unpacked = tree.parent_path() / "layer";
  layer_archive::make_directory(AT_FDCWD, unpacked, 0755);
  out.size = layer_archive::unpack(tar, Directory::open(AT_FDCWD, unpacked).fd(), call).size;
  merge_layer(Directory::open(AT_FDCWD, unpacked).fd(), Directory::open(AT_FDCWD, tree).fd(), call);
  layer_archive::remove_tree(AT_FDCWD, unpacked);
  trees_->add_layer(id, std::move(scratch), out.size);
}

void TreeDriver::remove_layer(const ChainId& id, const Call& /*call*/) {
  const Scratch grave = trees_->take_layer(id);
  destroy(grave.path() + "/taken");
}

void TreeDriver::prepare(const Key& key, const std::vector<ChainId>& layers, const PrepareOptions& options,
                         std::vector<Mount>& out, const Call& call) {
  if (options.size_limit != 0) {
    throw Error{Errc::unsupported, "a size limit is not supported by the storage driver \"" + name_ + "\""};
  }
  const std::string original = trees_->layer_tree(layers);
  if (!trees_->has_top(key)) {
    Scratch scratch{data_dir_};
    copy_into(scratch, original, call);
    trees_->add_top(key, std::move(scratch), layers);
  } else if (trees_->top_layers(key) != layers) {
    throw Error{Errc::conflict, "the writable top " + key + " exists over other layers"};
  }
  out = {mount_of(key)};
}

Mount TreeDriver::mount_of(const Key& key) const { return {"bind", trees_->top_tree(key), "", "", {"bind"}}; }

void TreeDriver::mounts(const Key& key, std::vector<Mount>& out, const Call& /*call*/) { out = {mount_of(key)}; }

void TreeDriver::remove(const Key& key, const Call& /*call*/) {
  const Scratch grave = trees_->take_top(key);
  destroy(grave.path() + "/taken");
}

std::string TreeDriver::origin(const Key& key) const {
  static_cast<void>(trees_->top_tree(key));
  return trees_->layer_tree(trees_->top_layers(key));
}

void TreeDriver::usage(const Key& key, Usage& out, const Call& call) {
  const std::string then = origin(key);
  const std::string now = trees_->top_tree(key);
  out = size_of_changes(now, tree_changes(then, now, call));
}

void TreeDriver::changes(const Key& key, std::vector<Change>& out, const Call& call) {
  const std::string then = origin(key);
  out = tree_changes(then, trees_->top_tree(key), call);
}

void TreeDriver::diff(const Key& key, ByteSink& tar, const Call& call) {
  const std::string then = origin(key);
  const std::string now = trees_->top_tree(key);
  write_changes(now, tree_changes(then, now, call), tar, call);
}

void TreeDriver::list(Holdings& out, const Call& /*call*/) {
  out.layers = trees_->layers();
  out.keys = trees_->tops();
}

}  // namespace gantry::layer_trees
