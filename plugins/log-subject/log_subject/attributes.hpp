#pragma once

#include <map>
#include <string>

#include "gantry/log.hpp"

namespace gantry::log_subject {

using Attributes = std::map<std::string, std::string>;

/// What the options labels, labels-regex, env and env-regex choose of a container.
/// Errors: invalid (an expression).
Attributes attributes_of(const log::v1::Subject& subject, const Options& options);

/// Errors: invalid, if an expression among the options is none.
void check_expressions(const Options& options);

}  // namespace gantry::log_subject
