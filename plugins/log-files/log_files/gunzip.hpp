#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::log_files {

/// The content of a compressed file in an unnamed one of the same directory, at its beginning; nothing of it if the
/// file is no gzip. Errors: io.
UniqueFd gunzip(const std::string& path);

/// Which file a rotated one is. The inode's number alone is not enough: it is given away when the file is gone.
struct Identity {
  std::uint64_t inode{};
  std::int64_t changed{};  ///< When it was written last, in nanoseconds.
  bool operator==(const Identity&) const = default;
};

/// That of the file that became this one, as `gantry-logger` wrote it into the header's comment; nothing if there is
/// none.
std::optional<Identity> original_of(const std::string& path);

}  // namespace gantry::log_files
