#pragma once

#include <string>

#include "client/exchange.hpp"

namespace gantry::cli {

/// Writes an answer's body to the file, which appears only when all of it is there, or to stdout if `path` is empty.
void write_archive(Exchange& exchange, const std::string& path);

}  // namespace gantry::cli
