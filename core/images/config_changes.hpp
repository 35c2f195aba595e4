#pragma once

#include <string>
#include <vector>

#include "images/image.hpp"

namespace gantry::images {

/// Applies Dockerfile instructions (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR) to
/// a config, as `docker import -c` and `docker commit -c` take them. Errors: invalid.
void apply_changes(ImageConfig& config, const std::vector<std::string>& changes);

}  // namespace gantry::images
