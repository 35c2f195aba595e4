#pragma once

#include <string>

#include "gantry/log.hpp"

namespace gantry::gelf {

/// What all messages of a container have in common: ',"_command":"..."' and so on. Errors: invalid (tag, expressions).
std::string container_members(const log::v1::Subject& subject, const Options& options);

/// One entry as dockerd sends it (GELF 1.1, JSON).
std::string format_message(const std::string& host, const log::v1::Entry& entry, const std::string& members);

}  // namespace gantry::gelf
