#pragma once

namespace gantry::cli {

/// The command line's own version, the project's: "0.1.0".
extern const char* const kClientVersion;

}  // namespace gantry::cli
