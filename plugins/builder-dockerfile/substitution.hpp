#pragma once

#include <string>
#include <string_view>

/// The shell's substitutions by pattern: "*" is anything, "?" one character, a backslash takes their meaning away.
namespace gantry::dockerfile {

/// ${value#pattern}, ${value##pattern}.
std::string without_prefix(std::string_view value, std::string_view pattern, bool longest);

/// ${value%pattern}, ${value%%pattern}.
std::string without_suffix(std::string_view value, std::string_view pattern, bool longest);

/// ${value/pattern/by}, ${value//pattern/by}.
std::string replaced(std::string_view value, std::string_view pattern, std::string_view by, bool all);

}  // namespace gantry::dockerfile
