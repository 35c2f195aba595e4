#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "format/go_value.hpp"

namespace gantry::cli {

/// A function or a method that a template may call. `body` throws FunctionError for what it cannot do; a method's gets
/// the receiver first, which is not among the parameters.
struct TemplateFunction {
  std::vector<const GoType*> parameters;  ///< nullptr: whatever it is.
  bool is_variadic = false;               ///< The last parameter may be missing or come more often.
  std::function<GoValue(const std::vector<GoValue>&)> body;
};
using TemplateFunctions = std::map<std::string, TemplateFunction, std::less<>>;

class FunctionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace gantry::cli
