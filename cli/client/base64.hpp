#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry::cli {

/// Padded; `url`: with the alphabet for addresses.
std::string base64_encode(std::string_view bytes, bool url = false);
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace gantry::cli
