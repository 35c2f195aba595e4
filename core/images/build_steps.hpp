#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "images/context.hpp"

/// Images made step by step by a builder. Those without a name are the builds' cache.
namespace gantry::images {

/// Makes the image of a step. One that changes no file adds no layer.
awaitable<Record> commit_step(Context& context, BuildStep step);

/// The image that such a step made before: among the images made from its parent, then along the history of
/// `cache_from`. Null if there is none.
awaitable<Record> find_step(Context& context, BuildStep step, std::vector<std::string> cache_from);

/// Makes such a step's image with the layer that one with the same `created_by` has made over any parent: of a step
/// whose layer does not depend on what is below it. Null if there is none.
awaitable<Record> graft_step(Context& context, BuildStep step);

/// What of it is in the cache.
std::vector<CachedStep> cached_steps(const Context& context);

/// Removes a step from it; nothing if something needs it. Answers the bytes that were freed.
awaitable<std::optional<std::uint64_t>> remove_step(Context& context, std::string id);

}  // namespace gantry::images
