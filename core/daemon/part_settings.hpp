#pragma once

#include <string>

#include "build/service.hpp"
#include "containers/service.hpp"
#include "daemon/config.hpp"
#include "daemon/userns_remap.hpp"
#include "system/service.hpp"

/// What the daemon's configuration means for its parts.
namespace gantry::daemon {

system::Settings system_settings(const Config& config, const IdMaps& remapped);

/// The profile itself, "unconfined", or empty for our own. Errors: invalid.
std::string seccomp_profile(const std::string& chosen);

/// Errors: invalid, also if a file that is named cannot be read.
containers::Settings container_settings(const Config& config, const IdMaps& remapped);

/// Errors: invalid.
build::CacheSettings cache_settings(const Builder& builder);

}  // namespace gantry::daemon
