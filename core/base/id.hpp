#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gantry {

/// A new random identity: 64 lower-case hex digits. Its first 12, as Docker prints them, are never all decimal, since
/// they serve as a host name.
std::string random_id();

/// Lower-case hex digits of `bytes`.
std::string hex(std::span<const std::byte> bytes);

/// Whether `text` consists of lower-case hex digits only.
bool is_hex(std::string_view text) noexcept;

}  // namespace gantry
