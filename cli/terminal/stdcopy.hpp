#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gantry::cli {

/// Takes Docker's multiplexed framing apart: 8 bytes of head (stream, 0, 0, 0, size in big endian), then the payload.
class Demultiplexer {
 public:
  /// `stream`: 1 is stdout, 2 stderr, 3 an error of the daemon's.
  using Sink = std::function<void(int stream, std::string_view bytes)>;

  explicit Demultiplexer(Sink sink) : sink_(std::move(sink)) {}

  /// Throws Failure at a head that is none.
  void feed(std::string_view bytes);

 private:
  Sink sink_;
  std::string head_;
  std::uint32_t left_ = 0;
};

}  // namespace gantry::cli
