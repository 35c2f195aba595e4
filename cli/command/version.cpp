#include "command/version.hpp"

namespace gantry::cli {

const char* const kClientVersion = GANTRY_VERSION;

}  // namespace gantry::cli
