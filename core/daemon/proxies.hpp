#pragma once

#include "daemon/config.hpp"

namespace gantry::daemon {

/// Puts the proxies of the config into the environment, in both cases of letters: from there the registry driver's
/// options, libraries and `info` take them. Before there are threads. Errors: invalid for an unknown name in "proxies".
void export_proxies(const Config& config);

/// HTTP_PROXY and the like, in whichever case; empty if it is not set.
std::string proxy_environment(const std::string& name);

}  // namespace gantry::daemon
