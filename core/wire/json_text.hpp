#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gantry::wire {

/// The hidden member of an object with members that differ in the case of their letters only: their names, in the
/// order in which they came. No client can send it.
inline constexpr std::string_view kMemberOrder{"\0order", 6};

/// A client's JSON as Go's encoding/json takes it: of members of one name the last one counts, but objects are merged;
/// what is no UTF-8, and half of a surrogate pair, becomes U+FFFD.
/// Errors: nlohmann::json::exception.
nlohmann::json parse_as_go(const std::string& text);

}  // namespace gantry::wire
