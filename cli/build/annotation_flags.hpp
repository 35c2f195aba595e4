#pragma once

#include <map>
#include <string>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// --annotation "index,manifest[linux/amd64]:NAME=VALUE", as the parameter of the request has it; without a type it is
/// for the manifest. Throws Failure in buildx's words.
Json parse_annotations(const std::vector<std::string>& flags);

/// The same of an output's attributes: "annotation-index.NAME", "annotation[linux/amd64].NAME" and "annotation.NAME".
/// Throws Failure.
Json output_annotations(const std::map<std::string, std::string>& attributes);

/// Whether an output's attribute is one.
bool is_annotation(const std::string& attribute);

}  // namespace gantry::cli
