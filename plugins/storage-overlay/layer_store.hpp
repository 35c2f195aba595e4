#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gantry/storage.hpp"
#include "gantry/unique_fd.hpp"
#include "layer_archive/scratch.hpp"

namespace gantry::overlay {

/// A layer on disk.
struct Layer {
  std::string short_name;  ///< Of the link in "l/" to its tree: a mount's options must fit into one page.
  std::uint64_t size{};
};

/// The unpacked layers:
///
///     layers/<64 hex digits>/tree/    what the layer brings, in overlayfs's form
///     layers/<64 hex digits>/layer    its short name and size
///     l/<short name>                  link to its tree
///
/// A layer comes and goes by one rename of its directory, so it is there as a whole or not at all. Thread-safe.
class LayerStore {
 public:
  /// Takes stock of what is in `data_dir`; links that a crash left behind are put right.
  explicit LayerStore(std::string data_dir);

  [[nodiscard]] std::optional<Layer> find(const storage::v1::ChainId& id) const;
  /// Errors: not_found.
  [[nodiscard]] Layer get(const storage::v1::ChainId& id) const;
  [[nodiscard]] std::string tree(const storage::v1::ChainId& id) const;
  [[nodiscard]] std::vector<storage::v1::ChainId> list() const;

  /// Makes the unpacked layer in `scratch`/tree the layer `id`.
  Layer add(const storage::v1::ChainId& id, layer_archive::Scratch scratch, std::uint64_t size);

  void remove(const storage::v1::ChainId& id);

 private:
  [[nodiscard]] std::string directory(const storage::v1::ChainId& id) const;
  std::string link_new_name(const storage::v1::ChainId& id);
  void take_stock();
  void remove_stale_links();

  std::string data_dir_;
  mutable std::mutex mutex_;
  std::map<storage::v1::ChainId, Layer> layers_;
  std::uint64_t next_name_ = 0;
};

}  // namespace gantry::overlay
