#pragma once

#include <string>
#include <vector>

#include "gantry/storage.hpp"
#include "layer_archive/scratch.hpp"

namespace gantry::overlay {

/// The writable tops:
///
///     tops/<key>/upper/    what the container has changed
///     tops/<key>/work/     overlayfs's own
///     tops/<key>/layers    the chain IDs that it stands on, base first
///
/// Each comes and goes by one rename. Holds no state in memory, so it is thread-safe.
class TopStore {
 public:
  explicit TopStore(std::string data_dir);

  [[nodiscard]] bool contains(const storage::v1::Key& key) const;
  /// Errors: not_found.
  [[nodiscard]] std::vector<storage::v1::ChainId> layers(const storage::v1::Key& key) const;
  [[nodiscard]] std::string upper(const storage::v1::Key& key) const;
  [[nodiscard]] std::vector<storage::v1::Key> list() const;

  /// Makes an empty top. Errors: conflict (exists), exhausted, io.
  void add(const storage::v1::Key& key, const std::vector<storage::v1::ChainId>& layers);

  void remove(const storage::v1::Key& key);

 private:
  [[nodiscard]] std::string directory(const storage::v1::Key& key) const;

  std::string data_dir_;
};

}  // namespace gantry::overlay
