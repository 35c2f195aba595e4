#pragma once

#include <cstdint>
#include <string>

namespace gantry::fetch {

/// Writes what is at an http or https address to the descriptor `kTarget`, and tells on standard output what the server
/// says of it: "modified SECONDS", "type MEDIA-TYPE", "disposition VALUE", a line each.
/// Errors: not_found, invalid (the address; more than `limit` bytes, which `option` sets, if it is not empty),
/// unavailable.
void get(const std::string& url, std::uint64_t limit, const std::string& option);

}  // namespace gantry::fetch
