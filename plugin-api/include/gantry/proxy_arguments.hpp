#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace gantry::builder {

/// Build arguments that every build of a user has, often with a password in them. A recipe need not name them to use
/// them; no step is called by their values, and nobody is told of them, unless the recipe does name them.
inline bool is_proxy_argument(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 10> kNames{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                                           "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
                                                           "ALL_PROXY",  "all_proxy"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace gantry::builder
