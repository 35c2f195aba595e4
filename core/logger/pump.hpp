#pragma once

#include <functional>
#include <string>

#include "gantry/log.hpp"

namespace gantry::logger {

/// Reads settings and then records from `input` until it ends, and gives them to a writer. What the writer throws for
/// one entry goes to `complain`, and the next one is tried. Errors: what `open` and `close` throw; invalid, if the
/// input is no such thing.
void pump(int input, log::v1::Writer& writer, const std::function<void(const std::string&)>& complain);

}  // namespace gantry::logger
