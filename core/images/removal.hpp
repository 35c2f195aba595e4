#pragma once

#include "images/context.hpp"

namespace gantry::images {

/// Takes a name off an image, or removes it, as dockerd decides between the two.
awaitable<std::vector<wire::ImageDeleteItem>> remove_image(Context& context, std::string reference, bool force,
                                                           bool prune_parents);

/// As `Service` says.
awaitable<std::vector<wire::ImageDeleteItem>> remove_platforms(Context& context, std::string reference,
                                                               std::vector<Platform> platforms, bool force,
                                                               bool prune_parents);

awaitable<wire::ImagePruneReport> prune_images(Context& context, Filters filters);

/// Forgets the images that were removed by force once no container stands on them.
awaitable<void> forget_hidden(Context& context);

}  // namespace gantry::images
