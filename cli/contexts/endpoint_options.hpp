#pragma once

#include <map>
#include <string>

#include "client/endpoint.hpp"
#include "contexts/context_store.hpp"

namespace gantry::cli {

/// What `--docker` says: "host=...,ca=...,cert=...,key=...,skip-tls-verify=...,from=...".
using EndpointOptions = std::map<std::string, std::string>;

/// Reads the endpoint into `context`; `flags` are those of the default one. Errors: Failure ("unable to create docker
/// endpoint config: ...").
void apply_endpoint(const EndpointOptions& options, const ContextStore& store, const ConnectionFlags& flags,
                    StoredContext& context);

}  // namespace gantry::cli
