#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "endpoint.hpp"
#include "gantry/registry.hpp"

namespace hub {

using gantry::registry::v1::Descriptor;
using gantry::registry::v1::Repository;

/// How many pieces of blobs may be in memory at a time, over all transfers. Any thread.
class ChunkPlaces {
 public:
  explicit ChunkPlaces(std::size_t count) : free_(count) {}

  class Taken {
   public:
    Taken(ChunkPlaces& from, std::size_t count) noexcept : from_(from), count_(count) {}
    ~Taken();
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

   private:
    ChunkPlaces& from_;
    const std::size_t count_;
  };
  /// At most `wanted`, none if there are fewer than two; never waits.
  Taken take(std::size_t wanted);

 private:
  std::mutex mutex_;
  std::size_t free_;
};

/// Fetches the rest of a blob by several connections side by side, piece by piece, and hands the pieces on in their
/// order: a far registry, or one that limits each connection, is slow on one of them only.
class ChunkedFetch {
 public:
  static constexpr std::size_t kChunk = std::size_t{4} << 20;

  ChunkedFetch(const Session& session, const Repository& repository, const Descriptor& blob, std::uint64_t from,
               std::size_t connections);
  /// Ends the connections.
  ~ChunkedFetch();
  ChunkedFetch(const ChunkedFetch&) = delete;
  ChunkedFetch& operator=(const ChunkedFetch&) = delete;

  /// Waits for the next piece, which is valid until the next call; empty after the last one. Errors: what the fetching
  /// of this piece failed with, and then there are no more; cancelled.
  std::span<const std::byte> next();

 private:
  class LaneCall;
  /// One connection: it fetches every n-th piece.
  struct Lane {
    std::thread thread;
    std::vector<std::byte> piece;
    std::exception_ptr error;
    bool full{};
  };

  void stop() noexcept;
  void work(std::size_t lane);
  void fetch(Session& session, std::uint64_t from, std::vector<std::byte>& piece);
  std::size_t fetch_part(Session& session, std::uint64_t from, std::span<std::byte> room);
  [[nodiscard]] std::size_t size_of_piece(std::uint64_t from) const;

  const Session& session_;
  const Repository& repository_;
  const Descriptor& blob_;
  const std::uint64_t begin_;
  std::uint64_t at_;  ///< Where the next piece begins.
  std::size_t handed_on_{};
  std::unique_ptr<LaneCall> call_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_{};
  std::vector<Lane> lanes_;
};

}  // namespace hub
