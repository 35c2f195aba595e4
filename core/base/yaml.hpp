#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gantry {

/// One YAML document as JSON: plain scalars become null, booleans and numbers by YAML 1.2's core schema, all others
/// text. Aliases are refused: a small file must not become a large tree. Errors: invalid, with the line.
nlohmann::json parse_yaml(const std::string& text);

}  // namespace gantry
