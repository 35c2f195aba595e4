#pragma once

#include <map>
#include <string>

#include "contexts/context_store.hpp"

namespace gantry::cli {

/// What `--docker` says: "host=...,ca=...,cert=...,key=...,skip-tls-verify=...,from=...".
using EndpointOptions = std::map<std::string, std::string>;

/// Reads the endpoint into `context`. Errors: Failure ("unable to create docker endpoint config: ...").
void apply_endpoint(const EndpointOptions& options, const ContextStore& store, StoredContext& context);

}  // namespace gantry::cli
