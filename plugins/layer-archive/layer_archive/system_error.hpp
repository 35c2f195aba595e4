#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::layer_archive {

/// Throws with `what` and the text of errno: `exhausted` for a full disk or table, `not_found` for ENOENT, else `io`.
[[noreturn]] void throw_errno(const std::string& what, int error = errno);

/// `name` in quotes, with what a terminal would act on escaped: for messages about hostile names.
std::string quoted(std::string_view name);

}  // namespace gantry::layer_archive
