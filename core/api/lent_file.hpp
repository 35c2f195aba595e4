#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "api/exchange.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::api {

/// A file that a client's process has open and lends instead of sending its content. `claim` says which descriptor
/// that is, and enough of the file to tell that client and daemon mean the same one. Blocks.
/// Errors: invalid (no claim); conflict (the client may be on another host, or it has no such file open for reading).
UniqueFd take_lent_file(const PeerProcess& lender, const nlohmann::json& claim);

}  // namespace gantry::api
