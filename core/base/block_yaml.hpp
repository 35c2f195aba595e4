#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gantry {

/// YAML as programs write it (CDI's generators): maps and lists in blocks, plain and quoted scalars, one document.
/// Flow style only where it is JSON; no anchors, no scalars over several lines. Errors: invalid, with the line.
nlohmann::json parse_block_yaml(const std::string& text);

}  // namespace gantry
