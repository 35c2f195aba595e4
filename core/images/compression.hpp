#pragma once

#include <memory>
#include <span>

#include "gantry/stream.hpp"

namespace gantry::images {

enum class Compression { none, gzip, zstd };

/// By the first bytes (at least 4 of them, if there are as many).
Compression detect_compression(std::span<const std::byte> start) noexcept;

/// Reads `source`, whatever its compression, as plain bytes; several gzip members or zstd frames are one. `source` must
/// outlive the answer and is read to its very end. Errors of reading: invalid (damaged or cut off), and those of
/// `source`.
std::unique_ptr<ByteSource> decompress(ByteSource& source);

/// Writes to `sink` what is written to it, as gzip. `finish` ends the stream. The same writes give the same bytes on
/// machines of one kind.
class GzipSink final : public ByteSink {
 public:
  explicit GzipSink(ByteSink& sink);
  ~GzipSink() override;
  void write(std::span<const std::byte> bytes) override;
  void finish();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace gantry::images
