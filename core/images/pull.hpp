#pragma once

#include <string>

#include "images/context.hpp"

namespace gantry::images {

/// Pulls what the request names into the catalog.
awaitable<void> pull(Context& context, PullRequest request, Report report, Cancel cancel);

/// Brings layers into the storage driver, those below first in `layers`, and reports as dockerd does. Answers the
/// record of each.
awaitable<std::vector<LayerRecord>> pull_layers(Context& context, std::vector<Layer> layers, Origin origin,
                                                Report report, Cancel cancel);

/// What a manifest and a config say about the layers. Errors: invalid if they do not agree.
std::vector<Layer> layers_of(const Image& image, const Manifest& manifest);

/// Gets and checks the manifest that a tag or digest names.
awaitable<registry::v1::Manifest> get_manifest(Context& context, Reference reference,
                                               registry::v1::Credentials credentials, Cancel cancel);

/// Gets and checks an image's config.
awaitable<std::string> get_config(Context& context, Origin origin, Descriptor descriptor, Cancel cancel);

}  // namespace gantry::images
