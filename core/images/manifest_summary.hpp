#pragma once

#include <vector>

#include "images/context.hpp"

/// What an image consists of, as it is told to clients.
namespace gantry::images {

/// The image's manifest, and those of the statements about it. `identity`: with where it is from.
std::vector<wire::ManifestSummary> summarize_manifests(const Context& context, const ImageRecord& record,
                                                       bool identity);

/// The repositories that the image was pulled from or pushed to.
wire::ImageIdentity identity_of(const ImageRecord& record);

}  // namespace gantry::images
