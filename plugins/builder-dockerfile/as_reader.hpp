#pragma once

#include <vector>

#include "gantry/builder.hpp"

namespace gantry::dockerfile {

/// For as long as it lives this thread, and no other, may open only what the reader may (setfsuid(2): with another user
/// than root go the capabilities that pass over files' modes).
class AsReader {
 public:
  /// Errors: io.
  explicit AsReader(const builder::v1::Reader& reader);
  ~AsReader();
  AsReader(const AsReader&) = delete;
  AsReader& operator=(const AsReader&) = delete;

 private:
  const bool changed_;
  std::vector<unsigned> groups_;  ///< As they were.
};

}  // namespace gantry::dockerfile
