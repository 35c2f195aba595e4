#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gantry::isolated {

using Json = nlohmann::json;

/// A frame's message. MessagePack, since strings need not be UTF-8: paths of files, for one.
std::string pack(const Json& value);

/// Nothing at all is null. Errors: BrokenLink (it is no message, or one that is nested deeper than any of ours).
Json unpack(const std::string& message);

}  // namespace gantry::isolated
