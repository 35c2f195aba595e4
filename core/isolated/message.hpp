#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "isolated/frame.hpp"

namespace gantry::isolated {

using Json = nlohmann::json;

/// A frame's message. MessagePack, since strings need not be UTF-8: paths of files, for one.
std::string pack(const Json& value);

/// Nothing at all is null. Errors: Nonsense (it is no message, or one of more values or nested deeper than any of
/// ours).
Json unpack(const std::string& message, std::size_t most_values = kCallBounds.values);

}  // namespace gantry::isolated
