#pragma once

#include <optional>
#include <vector>

#include "api/exchange.hpp"
#include "images/platform.hpp"

/// Platforms as clients name them in queries: objects of JSON, in OCI's words. All errors are invalid, in dockerd's
/// words.
namespace gantry::api {

/// "platform"; none: it is not there, or empty.
std::optional<images::Platform> platform(const Request& request);

/// All that are given as `name`.
std::vector<images::Platform> platforms(const Request& request, std::string_view name);

/// The same where only one may be given.
std::optional<images::Platform> single_platform(const Request& request);

/// Of the images of an archive: since version 1.48, several of them since 1.52, and then refused, as an image here has
/// one.
std::optional<images::Platform> archive_platform(const Request& request);

}  // namespace gantry::api
