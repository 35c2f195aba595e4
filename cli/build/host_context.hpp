#pragma once

#include <string>

#include "client/client.hpp"

namespace gantry::cli {

/// Offers a build context to a daemon on this host, which then reads it where it is. Answers what it calls it; empty:
/// it must be sent.
std::string offer_directory(Client& client, const std::string& path);

}  // namespace gantry::cli
