#pragma once

#include <string>

#include "gantry/log.hpp"

namespace gantry::log_subject {

/// What the template `pattern` (Go's text/template: README.md says which part of it) says of a container.
/// Errors: invalid, in Go's words.
std::string expand_tag(const std::string& pattern, const log::v1::Subject& subject);

/// The option `tag`, or `fallback` if it is not given or empty, expanded.
std::string tag_of(const log::v1::Subject& subject, const Options& options, const std::string& fallback);

}  // namespace gantry::log_subject
