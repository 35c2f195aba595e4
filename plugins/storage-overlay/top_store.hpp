#pragma once

#include <functional>
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
  [[nodiscard]] std::string work(const storage::v1::Key& key) const;
  [[nodiscard]] std::vector<storage::v1::Key> list() const;

  /// Makes an empty top; `limit` may set a quota to its directory while that is empty.
  /// Errors: conflict (exists), exhausted, io, those of `limit`.
  void add(const storage::v1::Key& key, const std::vector<storage::v1::ChainId>& layers,
           const std::function<void(const std::string& directory)>& limit);

  void remove(const storage::v1::Key& key);

  [[nodiscard]] std::string directory(const storage::v1::Key& key) const;

 private:
  std::string data_dir_;
};

}  // namespace gantry::overlay
