#pragma once

#include <vector>

#include "json.hpp"

/// The rows of lists, by the fields that templates know; `truncate`: IDs and the like are cut.
namespace gantry::cli {

Json container_row(const Json& container, bool truncate);
/// One for each of the image's names.
std::vector<Json> image_rows(const Json& image, bool with_digests, bool truncate);
Json volume_row(const Json& volume);

}  // namespace gantry::cli
