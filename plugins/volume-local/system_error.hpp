#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include "gantry/error.hpp"

namespace gantry::local {

/// Throws with `what` and the text of errno: `exhausted` for a full disk or table, else `io`.
[[noreturn]] inline void throw_errno(const std::string& what, int error = errno) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE || error == ENOMEM;
  throw Error{full ? Errc::exhausted : Errc::io, what + ": " + std::generic_category().message(error)};
}

}  // namespace gantry::local
