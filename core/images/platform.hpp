#pragma once

#include <string>
#include <string_view>

namespace gantry::images {

/// What an image is built for (OCI image spec, image-index.md "platform").
struct Platform {
  std::string os;
  std::string architecture;  ///< In Go's words: "amd64".
  std::string variant;       ///< "v7"; empty if it has none.

  [[nodiscard]] std::string str() const;
  friend bool operator==(const Platform&, const Platform&) = default;
};

/// "linux/arm64/v8", "arm64", "linux"; what is left out is this host's. Errors: invalid.
Platform parse_platform(std::string_view text);

/// Of the running kernel.
Platform host_platform();

/// How well a host or user that asks for `wanted` is served by `offered`: the higher the better, 0 not at all. A lower
/// variant of ARM serves a higher one.
int match_platform(const Platform& wanted, const Platform& offered);

/// Whether `actual` is what `wanted` names, and not only something that it runs as well. Configs often leave the
/// variant out.
bool same_platform(const Platform& wanted, const Platform& actual);

}  // namespace gantry::images
