#pragma once

#include <string_view>

namespace gantry::dockerfile {

/// Whether an image may be called so: "host:port/path/name:tag@sha256:<hex>", the path in lower case (distribution's
/// reference grammar).
bool is_image_name(std::string_view name);

}  // namespace gantry::dockerfile
