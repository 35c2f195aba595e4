#pragma once

#include <string>
#include <string_view>

namespace gantry::layer_archive {

/// Whether it is "sha256:" and 64 lower-case hex digits, and so fit to name a directory.
bool is_chain_id(std::string_view id) noexcept;

/// The hex digits of a chain ID. Errors: invalid.
std::string hex_of_chain_id(std::string_view id);

/// Errors: invalid unless `key` is [A-Za-z0-9_.-]+, at most 128 characters, and neither "." nor "..".
void check_key(std::string_view key);

}  // namespace gantry::layer_archive
