#pragma once

#include <functional>

#include "client/exchange.hpp"
#include "json.hpp"

namespace gantry::cli {

/// Draws the progress messages of an answer on `fd`. Throws Failure with the error that ends it, if one does.
void show_progress(Exchange& exchange, int fd, bool quiet, const std::function<void(const Json&)>& on_aux = {});

}  // namespace gantry::cli
