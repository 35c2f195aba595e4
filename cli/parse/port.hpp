#pragma once

#include <memory>
#include <string>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// What `--publish` and `--expose` say: the API's ExposedPorts and PortBindings.
struct Ports {
  Ports();
  ~Ports();
  Ports(Ports&&) noexcept;

  std::unique_ptr<Json> exposed;
  std::unique_ptr<Json> bindings;
};

/// Throws InvalidValue.
Ports parse_ports(const std::vector<std::string>& publish, const std::vector<std::string>& expose);

}  // namespace gantry::cli
