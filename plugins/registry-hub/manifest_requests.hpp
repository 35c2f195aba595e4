#pragma once

#include <string>
#include <vector>

#include "endpoint.hpp"
#include "gantry/registry.hpp"

namespace hub {

using gantry::registry::v1::Manifest;
using gantry::registry::v1::Repository;

/// Gets a manifest or an index, at most 4 MiB. Errors as the driver's.
void get_manifest(Session& session, const Repository& repository, const std::string& reference, Manifest& out);

void put_manifest(Session& session, const Repository& repository, const std::string& reference,
                  const Manifest& manifest);

/// All pages of the list.
std::vector<std::string> list_tags(Session& session, const Repository& repository);

}  // namespace hub
