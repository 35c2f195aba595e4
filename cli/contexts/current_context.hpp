#pragma once

#include <string>

#include "client/config_file.hpp"
#include "client/endpoint.hpp"
#include "contexts/context_store.hpp"

namespace gantry::cli {

/// Whether the environment names a daemon, which no context overrides but one of the flags'.
const char* host_variable();

/// As docker has it: --context, else none where a host is given, else DOCKER_CONTEXT, else what `context use` chose.
std::string current_context(const ConnectionFlags& flags, const ConfigFile& config);

/// The daemon that flags, environment and contexts name. Errors: Failure ("Failed to initialize: ...").
DaemonAddress resolve_daemon(const ConnectionFlags& flags, const std::string& config_dir, const ConfigFile& config);

/// The daemon that flags and environment name, with what its TLS files hold. Errors: Failure.
StoredContext default_context(const ConnectionFlags& flags, const std::string& config_dir);

}  // namespace gantry::cli
