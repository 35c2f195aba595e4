#pragma once

#include <string>
#include <vector>

#include "client/config_file.hpp"
#include "client/exchange.hpp"

/// What config.json has for commands that do not say it themselves.
namespace gantry::cli {

/// "NAME=value" and "NAME", and behind them the proxies for the daemon at `host`, in capitals and small, but for those
/// that are among `variables`.
std::vector<std::string> with_proxies(std::vector<std::string> variables, const ConfigFile& config,
                                      const std::string& host);

/// "name=value", and behind them the file's; a label that is asked for is not excluded, and the other way round.
std::vector<std::string> with_prune_filters(std::vector<std::string> filters, const ConfigFile& config);

/// Sent with each request: the file's, or those of DOCKER_CUSTOM_HEADERS. Throws Failure if these are malformed.
Headers custom_headers(const ConfigFile& config);

}  // namespace gantry::cli
