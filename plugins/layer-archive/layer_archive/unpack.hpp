#pragma once

#include <cstdint>
#include <string_view>

#include "gantry/call.hpp"
#include "gantry/stream.hpp"

namespace gantry::layer_archive {

inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
inline constexpr const char* kOpaqueAttribute = "trusted.overlay.opaque";

struct Unpacked {
  std::uint64_t size{};  ///< Bytes of the regular files.
  std::uint64_t entries{};
};

/// Unpacks a layer's tar stream into the empty directory `root` in the form that overlayfs takes as a lower directory:
/// a whiteout is a character device 0/0, an opaque directory has kOpaqueAttribute "y". Reads the stream to its end.
/// Nothing outside of `root` is touched, whatever the archive says. What is there after a failure is the caller's to
/// remove. Errors: invalid (names the entry), exhausted, io, cancelled, and the source's own.
Unpacked unpack(ByteSource& tar, int root, const Call& call);

}  // namespace gantry::layer_archive
