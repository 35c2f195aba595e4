#pragma once

#include <string>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::oci {

/// The last error in a runtime's log (--log-format json); empty if there is none.
std::string last_error(std::string_view log);

/// What the shim said of `what` ("create", "exec"), in the words of the runtime's log if it was the runtime that
/// failed.
Error runtime_error(const Error& error, const std::string& what, const std::string& log_file);

}  // namespace gantry::oci
