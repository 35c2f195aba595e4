#pragma once

#include <string>

#include "client/exchange.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// Writes an answer's body to the file, which appears only when all of it is there, or to stdout if `path` is empty.
void write_archive(Exchange& exchange, const std::string& path);

/// Throws Failure if there is no such file.
UniqueFd open_archive(const std::string& path);

/// Throws Failure ("failed to save image: invalid output path: ...") if the file's folder is not there.
void check_output_path(const std::string& path, const std::string& what);

}  // namespace gantry::cli
