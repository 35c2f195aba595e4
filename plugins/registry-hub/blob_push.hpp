#pragma once

#include <string>
#include <vector>

#include "endpoint.hpp"
#include "gantry/registry.hpp"

namespace hub {

using gantry::registry::v1::Descriptor;
using gantry::registry::v1::Repository;

bool has_blob(Session& session, const Repository& repository, const Descriptor& blob);

/// Mounts the blob from one of `mount_from` if the registry does that, else uploads it whole. Answers whether bytes
/// were sent.
bool put_blob(Session& session, const Repository& repository, const Descriptor& blob,
              const std::vector<std::string>& mount_from, gantry::ByteSource& source);

}  // namespace hub
