#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gantry/stream.hpp"

namespace gantry::images {

/// Hands on a tar archive (ustar, pax) in which no time is later than a given one: so that the same build gives the
/// same layer whenever it runs (reproducible-builds.org, SOURCE_DATE_EPOCH).
class ClampedTimes final : public ByteSink {
 public:
  /// What a header has room for.
  static constexpr std::int64_t kLatest = 077777777777;
  /// `latest`: seconds since 1970, up to kLatest. `out` outlives this.
  ClampedTimes(std::int64_t latest, ByteSink& out) : latest_(latest), out_(out) {}
  void write(std::span<const std::byte> bytes) override;
  /// Hands on the rest of an archive that ends in the middle of a block.
  void finish();

 private:
  static constexpr std::size_t kBlock = 512;

  void take_block();
  void take_header();
  void write_records();

  const std::int64_t latest_;
  ByteSink& out_;
  std::vector<std::byte> block_;    ///< The part of a block that has come.
  std::vector<std::byte> pax_;      ///< An extended header whose records are still to come,
  std::vector<std::byte> records_;  ///< and those that have.
  std::uint64_t data_{};            ///< Blocks of data still to come.
};

}  // namespace gantry::images
