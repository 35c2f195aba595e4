#pragma once

#include <string>
#include <vector>

#include "gantry/error.hpp"
#include "gantry/registry.hpp"
#include "http_client.hpp"

namespace hub {

/// One entry of a registry's error answer (distribution spec, "Error Codes").
struct RegistryError {
  std::string code;  ///< "MANIFEST_UNKNOWN".
  std::string message;

  /// "manifest unknown: manifest unknown", as distribution's client words it.
  [[nodiscard]] std::string text() const;
};

/// The errors of a body; empty if it is none of the spec's form.
std::vector<RegistryError> parse_errors(const std::string& body);

/// What a status that means failure becomes; reads the body. `what` names the request: `Get "https://host/v2/"`.
gantry::Error to_error(Response& response, const std::string& what);

/// The same, in the words that dockerd has for a pull of `reference` (tag or digest).
gantry::Error to_pull_error(Response& response, const std::string& what,
                            const gantry::registry::v1::Repository& repository, const std::string& reference);

/// "debian" for docker.io/library/debian.
std::string familiar_name(const gantry::registry::v1::Repository& repository);

}  // namespace hub
