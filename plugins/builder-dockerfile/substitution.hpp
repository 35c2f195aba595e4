#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The shell's substitutions by pattern: "*" is anything, "?" one character, a backslash takes their meaning away.
/// `work_left`: how many comparisons there may be.
namespace gantry::dockerfile {

/// Errors: invalid, if so much is not left.
void spend(std::size_t& work_left, std::size_t cost);

/// ${value#pattern}, ${value##pattern}.
std::string without_prefix(std::string_view value, std::string_view pattern, bool longest, std::size_t& work_left);

/// ${value%pattern}, ${value%%pattern}.
std::string without_suffix(std::string_view value, std::string_view pattern, bool longest, std::size_t& work_left);

/// ${value/pattern/by}, ${value//pattern/by}.
std::string replaced(std::string_view value, std::string_view pattern, std::string_view by, bool all,
                     std::size_t& work_left);

}  // namespace gantry::dockerfile
