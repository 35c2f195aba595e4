#pragma once

#include <functional>
#include <string>
#include <vector>

#include "format/go_type.hpp"

namespace gantry::cli {

/// An object's JSON and what it is in Go.
struct Inspected {
  std::string json;
  const GoType* type = nullptr;
  bool is_raw_too = true;  ///< Whether a template that the type does not satisfy is tried on what the JSON says.
};

/// Prints what `fetch` gives for each name as Docker's `inspect` commands do. What it throws as DaemonError or
/// InvalidValue is told at the end. Gives the exit code.
int inspect_each(const std::vector<std::string>& names, const std::string& format,
                 const std::function<Inspected(const std::string&)>& fetch);

}  // namespace gantry::cli
