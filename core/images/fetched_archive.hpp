#pragma once

#include <functional>
#include <string>

#include "images/context.hpp"

/// An archive that a server has.
namespace gantry::images {

/// With a scheme: what has none is "http", as with dockerd.
std::string full_address(const std::string& address);

/// Runs `work` on a worker; it reads what is at `address` while that is being fetched, to the end or until it throws.
/// Errors: invalid (the address; larger than any blob), not_found, unavailable, cancelled, and those of `work`.
awaitable<void> read_address(Context& context, std::string address, std::function<void(ByteSource&)> work,
                             Report report, Cancel cancel);

}  // namespace gantry::images
