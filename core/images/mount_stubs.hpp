#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "gantry/storage.hpp"
#include "gantry/stream.hpp"

namespace gantry::images {

/// Takes from a container's changes what its start has made so that it could mount something there: dockerd has that
/// in a layer of its own. Gives the paths that were taken.
std::set<std::string> forget_mount_stubs(std::vector<storage::v1::Change>& changes);

/// Hands on a tar archive without the entries of some paths, as long as they are empty files, directories or links.
class EntryFilter final : public ByteSink {
 public:
  /// `left_out`: absolute paths. Both references outlive the filter.
  EntryFilter(const std::set<std::string>& left_out, ByteSink& out) : left_out_(left_out), out_(out) {}
  void write(std::span<const std::byte> bytes) override;
  /// Hands on the rest of an archive that ends in the middle of a block.
  void finish();

 private:
  static constexpr std::size_t kBlock = 512;

  void take_block(std::span<const std::byte> block);
  void take_header(std::span<const std::byte> block);

  const std::set<std::string>& left_out_;
  ByteSink& out_;
  std::vector<std::byte> block_;    ///< The part of a block that has come.
  std::vector<std::byte> preface_;  ///< Blocks that belong to the next entry's header.
  std::uint64_t data_{};            ///< Blocks of data still to come, whose fate the header has decided,
  bool to_preface_{};               ///< and where they go.
};

}  // namespace gantry::images
