#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "format/go_function.hpp"

namespace gantry::cli {

/// By the type's name, and by their own.
using MethodTable = std::map<std::string, TemplateFunctions, std::less<>>;

void add_container_methods(MethodTable& methods);
void add_time_methods(MethodTable& methods);

/// A method of the value's type, or of what it points to; nullptr if there is none of that name.
const TemplateFunction* find_method(const GoValue& value, std::string_view name);

/// What the value's method String says of it: so Go prints it. Nothing if it has none.
std::optional<std::string> own_text(const GoValue& value);

}  // namespace gantry::cli
