#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/storage.hpp"
#include "layer_archive/scratch.hpp"

namespace gantry::layer_trees {

/// What is on disk:
///
///     layers/<64 hex digits>/tree/   the layer and all below it ("volume/tree/" where trees are in subvolumes)
///     layers/<64 hex digits>/size    bytes of the files that the layer itself brought
///     tops/<key>/tree/               a container's root
///     tops/<key>/layers              the chain IDs that it was made from, base first
///     empty/                         what a top without layers is made from
///
/// Each comes and goes by one rename. Holds no state in memory, so it is thread-safe.
class TreeStore {
 public:
  /// `tree`: the tree's path below a layer's or a top's directory.
  TreeStore(std::string data_dir, std::string tree);

  [[nodiscard]] bool has_layer(const storage::v1::ChainId& id) const;
  [[nodiscard]] std::uint64_t layer_size(const storage::v1::ChainId& id) const;
  /// The tree of the topmost of `layers`; the empty one's if there are none. Errors: not_found (any of them).
  [[nodiscard]] std::string layer_tree(const std::vector<storage::v1::ChainId>& layers) const;
  void add_layer(const storage::v1::ChainId& id, layer_archive::Scratch scratch, std::uint64_t size);
  /// Takes it out of sight at once; the caller removes what the answer holds.
  [[nodiscard]] layer_archive::Scratch take_layer(const storage::v1::ChainId& id);
  [[nodiscard]] std::vector<storage::v1::ChainId> layers() const;

  [[nodiscard]] bool has_top(const storage::v1::Key& key) const;
  /// Errors: not_found.
  [[nodiscard]] std::string top_tree(const storage::v1::Key& key) const;
  [[nodiscard]] std::vector<storage::v1::ChainId> top_layers(const storage::v1::Key& key) const;
  void add_top(const storage::v1::Key& key, layer_archive::Scratch scratch,
               const std::vector<storage::v1::ChainId>& layers);
  [[nodiscard]] layer_archive::Scratch take_top(const storage::v1::Key& key);
  [[nodiscard]] std::vector<storage::v1::Key> tops() const;

 private:
  [[nodiscard]] layer_archive::Scratch take(const std::string& place) const;
  [[nodiscard]] std::string layer(const storage::v1::ChainId& id) const;
  [[nodiscard]] std::string top(const storage::v1::Key& key) const;

  std::string data_dir_;
  std::string tree_;
};

}  // namespace gantry::layer_trees
