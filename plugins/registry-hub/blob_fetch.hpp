#pragma once

#include <chrono>

#include "chunked_fetch.hpp"
#include "endpoint.hpp"
#include "gantry/registry.hpp"

namespace hub {

/// What blobs that come slowly may use beside their one connection.
struct SpareConnections {
  ChunkPlaces& places;
  std::size_t per_blob;  ///< Below two: none.
  /// 4 MiB that come in less show that one connection is enough; zero: it never is.
  std::chrono::milliseconds patience{200};
};

/// Streams one blob from byte `offset` on; a transfer that breaks goes on at the byte where it stopped. The rest of a
/// large one that proves to come slowly is fetched by several connections, if the registry serves ranges.
class BlobFetch {
 public:
  BlobFetch(Session& session, const Repository& repository, const Descriptor& blob, std::uint64_t offset,
            SpareConnections spare)
      : session_(session), repository_(repository), blob_(blob), at_(offset), spare_(spare) {}

  /// `at` tells, also after a failure, how much has come.
  void run(gantry::ByteSink& sink);
  [[nodiscard]] std::uint64_t at() const noexcept { return at_; }

 private:
  enum class Speed { unknown, slow, enough };

  /// Where the next request ends: a large blob's first ones show how fast it comes.
  [[nodiscard]] std::uint64_t end_of_part() const;
  Response request(std::uint64_t end);
  /// How many bytes of the answer are ones that came before.
  std::uint64_t surplus(const Response& response) const;
  void copy(Response& response, std::uint64_t skip, gantry::ByteSink& sink);
  void fetch_in_chunks(gantry::ByteSink& sink);
  [[nodiscard]] std::string label() const;

  Session& session_;
  const Repository& repository_;
  const Descriptor& blob_;
  std::uint64_t at_;
  SpareConnections spare_;
  Speed speed_{Speed::unknown};
  bool ranges_{true};  ///< Until the registry refuses one.
};

}  // namespace hub
