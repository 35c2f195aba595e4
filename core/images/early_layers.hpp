#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "images/archive_files.hpp"
#include "images/context.hpp"
#include "images/layer_store.hpp"

namespace gantry::images {

/// Unpacks layers of an archive while the rest of it still comes, if its order tells early enough which ones they are:
/// by a config and a plain layer whose digest is one of its diff IDs. Whether the archive is good, and what went wrong
/// with a layer, is for those to find out who then take the images.
class EarlyLayers : public std::enable_shared_from_this<EarlyLayers> {
 public:
  EarlyLayers(Context& context, asio::any_io_executor io);

  /// Worker: a file is in the store.
  void take(const ArchiveFiles::File& file);

  /// Io thread: whoever wants a layer that is on its way has joined it, or never will. Before this object goes.
  awaitable<void> leave();

 private:
  /// A layer that a config names.
  struct Wanted {
    std::shared_ptr<const std::vector<std::string>> chain;  ///< The chain IDs of all of the image's layers.
    std::size_t at{};
    bool is_started{};
  };

  void take_config(const ArchiveFiles::File& file);
  [[nodiscard]] bool may_be_json(const ArchiveFiles::File& file) const;
  void start_if_there(const std::string& digest);
  void start(Layer layer);

  Context& context_;
  const asio::any_io_executor io_;
  const bool possible_;
  // The worker's.
  std::map<std::string, std::uint64_t> stored_;
  std::map<std::string, Wanted> wanted_;  ///< By diff ID.
  int configs_{};
  // The io thread's.
  bool left_{};
  std::list<LayerStore::Pin> pins_;
  std::vector<LayerTransfer::Interest> transfers_;
};

}  // namespace gantry::images
