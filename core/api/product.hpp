#pragma once

#include <string>

#include "api/exchange.hpp"

namespace gantry::api {

/// "0.1.0".
const std::string& product_version();

/// The headers that every answer bears: Api-Version, Docker-Experimental, Ostype, Server; each line ended.
const std::string& product_headers();

/// "1.56".
std::string to_string(Version version);

/// Takes a leading "/v1.45" off `path`, if there is one: "1.45", else "".
std::string take_version(std::string& path);

/// The version that `text` names; the newest for "". Errors: invalid, in dockerd's words, if it is too old or too new.
Version parse_version(const std::string& text);

}  // namespace gantry::api
