#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "api/exchange.hpp"
#include "gantry/registry.hpp"
#include "wire/image.hpp"

namespace gantry::api {

/// Standard or URL alphabet, padded or not; nothing if it is none, or longer than `limit`.
std::optional<std::string> decode_base64(std::string_view text, std::size_t limit = std::size_t{64} << 10);

/// What the X-Registry-Auth header says; empty if there is none or it cannot be read, as dockerd takes it.
registry::v1::Credentials registry_credentials(const Exchange& exchange);

/// What the X-Registry-Config header of a build says: credentials by registry.
std::map<std::string, registry::v1::Credentials> all_registry_credentials(const Exchange& exchange);

/// With "auth" (base64 of "user:password") taken apart.
registry::v1::Credentials to_credentials(const wire::AuthConfig& auth);

}  // namespace gantry::api
