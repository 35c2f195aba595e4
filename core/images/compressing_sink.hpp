#pragma once

#include <memory>
#include <optional>

#include "gantry/stream.hpp"
#include "images/compression.hpp"

namespace gantry::images {

/// How an image's layers are to lie in registries and archives.
struct LayerForm {
  Compression compression{Compression::gzip};
  std::optional<int> level;  ///< gzip: 0 to 9; zstd: 1 to 22. None: one that is quick.
  bool every{};              ///< Those too that have come compressed in another way.
};

/// Compresses what is written to it.
class CompressingSink : public ByteSink {
 public:
  /// Ends the stream.
  virtual void finish() = 0;
};

/// Writes to `sink`, which must outlive it. The same writes give the same bytes on machines of one kind.
std::unique_ptr<CompressingSink> compressing_sink(ByteSink& sink, const LayerForm& form);

}  // namespace gantry::images
