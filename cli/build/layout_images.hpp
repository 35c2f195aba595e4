#pragma once

#include <string>
#include <vector>

#include "command/context.hpp"

namespace gantry::cli {

/// What a build takes from OCI image layouts: they lie where the client is, so they are sent to the daemon first.

/// All images of a layout in a directory. Answers their ids.
std::vector<std::string> load_layout(Context& context, const std::string& directory);

/// "oci-layout://PATH", with ":TAG" or "@sha256:..." where the layout has several images ("latest", or the only one).
bool is_layout(const std::string& place);
/// Answers the image's id. Throws Failure.
std::string load_from_layout(Context& context, const std::string& place);

}  // namespace gantry::cli
