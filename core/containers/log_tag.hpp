#pragma once

#include <string>

#include "containers/container.hpp"

namespace gantry::containers {

/// The text of --log-opt tag, a Go template over the container: "{{.Name}}/{{.ID}}". Fields without functions, which is
/// what Docker documents. Errors: invalid, in Go's words.
std::string log_tag(const std::string& text, const Container& container);

}  // namespace gantry::containers
