#pragma once

#include <string>

#include "json.hpp"

namespace gantry::cli {

/// A container's ports as `ps` shows them: "0.0.0.0:8080->80/tcp, 443/tcp", consecutive ones as ranges.
std::string displayed_ports(const Json& ports);

/// "host:port", an IPv6 host in brackets.
std::string host_and_port(const std::string& host, const std::string& port);

}  // namespace gantry::cli
