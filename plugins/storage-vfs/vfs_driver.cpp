#include "vfs_driver.hpp"

#include <fcntl.h>

#include "layer_archive/directory.hpp"
#include "layer_archive/scratch.hpp"
#include "layer_archive/tree.hpp"
#include "layer_archive/unpack.hpp"
#include "layer_merge.hpp"
#include "tree_changes.hpp"

namespace gantry::vfs {

using layer_archive::Directory;
using layer_archive::Scratch;
using storage::v1::AppliedLayer;
using storage::v1::ChainId;
using storage::v1::Change;
using storage::v1::Holdings;
using storage::v1::Key;
using storage::v1::PrepareOptions;
using storage::v1::Usage;

namespace {

// A copy of `original` in "tree" of `scratch`.
Directory copy_into(const Scratch& scratch, const std::string& original, const Call& call) {
  const std::string tree = scratch.path() + "/tree";
  layer_archive::make_directory(AT_FDCWD, tree, 0755);
  Directory copy = Directory::open(AT_FDCWD, tree);
  layer_archive::copy_tree(Directory::open(AT_FDCWD, original).fd(), copy.fd(), call);
  return copy;
}

}  // namespace

void VfsDriver::capabilities(Capabilities& out) const { out.clear(); }

void VfsDriver::options(std::vector<OptionInfo>& out) const { out.clear(); }

void VfsDriver::open(Host& host) {
  data_dir_ = host.data_dir();
  Scratch::clean(data_dir_);
  trees_ = std::make_unique<TreeStore>(data_dir_);
}

void VfsDriver::apply(const ChainId& id, const std::vector<ChainId>& parents, ByteSource& tar, AppliedLayer& out,
                      const Call& call) {
  if (trees_->has_layer(id)) {
    out.size = trees_->layer_size(id);
    return;
  }
  const std::string below = trees_->layer_tree(parents);
  Scratch scratch{data_dir_};
  const std::string unpacked = scratch.path() + "/layer";
  layer_archive::make_directory(AT_FDCWD, unpacked, 0755);
  out.size = layer_archive::unpack(tar, Directory::open(AT_FDCWD, unpacked).fd(), call).size;
  const Directory tree = copy_into(scratch, below, call);
  merge_layer(Directory::open(AT_FDCWD, unpacked).fd(), tree.fd(), call);
  layer_archive::remove_tree(AT_FDCWD, unpacked);
  trees_->add_layer(id, std::move(scratch), out.size);
}

void VfsDriver::remove_layer(const ChainId& id, const Call& /*call*/) { trees_->remove_layer(id); }

void VfsDriver::prepare(const Key& key, const std::vector<ChainId>& layers, const PrepareOptions& options,
                        std::vector<Mount>& out, const Call& call) {
  if (options.size_limit != 0) {
    throw Error{Errc::unsupported, "a size limit is not supported by the storage driver \"vfs\""};
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

Mount VfsDriver::mount_of(const Key& key) const { return {"bind", trees_->top_tree(key), "", "", {"bind"}}; }

void VfsDriver::mounts(const Key& key, std::vector<Mount>& out, const Call& /*call*/) { out = {mount_of(key)}; }

void VfsDriver::remove(const Key& key, const Call& /*call*/) { trees_->remove_top(key); }

std::string VfsDriver::origin(const Key& key) const {
  static_cast<void>(trees_->top_tree(key));
  return trees_->layer_tree(trees_->top_layers(key));
}

void VfsDriver::usage(const Key& key, Usage& out, const Call& call) {
  const std::string then = origin(key);
  const std::string now = trees_->top_tree(key);
  out = size_of_changes(now, tree_changes(then, now, call));
}

void VfsDriver::changes(const Key& key, std::vector<Change>& out, const Call& call) {
  const std::string then = origin(key);
  out = tree_changes(then, trees_->top_tree(key), call);
}

void VfsDriver::diff(const Key& key, ByteSink& tar, const Call& call) {
  const std::string then = origin(key);
  const std::string now = trees_->top_tree(key);
  write_changes(now, tree_changes(then, now, call), tar, call);
}

void VfsDriver::list(Holdings& out, const Call& /*call*/) {
  out.layers = trees_->layers();
  out.keys = trees_->tops();
}

}  // namespace gantry::vfs
