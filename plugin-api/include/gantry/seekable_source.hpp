#pragma once

#include <cstdint>

#include "gantry/stream.hpp"

namespace gantry {

/// A source whose bytes can be had again. Where a call takes a ByteSource, the callee may find by dynamic_cast that it
/// is one of these: `registry::v1::Driver::put_blob` then survives a connection that breaks.
class SeekableSource : public ByteSource {
 public:
  /// The next `read` begins at `offset`, counted from where the first one began.
  /// Errors: io; invalid for an offset beyond the end.
  virtual void seek(std::uint64_t offset) = 0;
};

}  // namespace gantry
