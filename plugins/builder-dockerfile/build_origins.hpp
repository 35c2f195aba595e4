#pragma once

#include <string>

#include "address.hpp"
#include "gantry/builder.hpp"

/// What a build tells of where its parts come from, if its user wants to know.
namespace gantry::dockerfile {

/// "sha256:<hex>".
builder::v1::Material file_material(const std::string& address, const std::string& digest);

/// What `address` meant: `commit`.
builder::v1::Material repository_material(const std::string& address, const std::string& commit);
/// The same for a repository, whatever part of it is meant.
builder::v1::Material repository_material(const GitAddress& address, const std::string& commit);

/// Null if nobody wants to know.
builder::v1::Origins* origins_of(builder::v1::Session& session);

}  // namespace gantry::dockerfile
