#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gantry::cli {

/// Prints what `fetch` gives for each name, a JSON object's text, as Docker's `inspect` commands do. What it throws as
/// DaemonError or InvalidValue is told at the end. Gives the exit code.
int inspect_each(const std::vector<std::string>& names, const std::string& format,
                 const std::function<std::string(const std::string&)>& fetch);

}  // namespace gantry::cli
