#pragma once

#include <cstddef>
#include <span>

namespace gantry {

/// Bytes that a callee pulls. Used by one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Fills at most `buffer` and returns how many bytes it put there; blocks until there is at least one; 0 at
  /// the end. Errors: whatever the other side failed with (io, cancelled, invalid for a wrong digest).
  virtual std::size_t read(std::span<std::byte> buffer) = 0;
};

/// Bytes that a callee pushes. Used by one thread at a time.
class ByteSink {
 public:
  virtual ~ByteSink() = default;

  /// Takes all of `bytes`; blocks while the other side is behind, so memory stays bounded.
  /// Errors: whatever the other side failed with; the callee stops and lets the exception through.
  virtual void write(std::span<const std::byte> bytes) = 0;
};

}  // namespace gantry
