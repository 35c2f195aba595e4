#pragma once

#include <memory>
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

/// Removes steps that no named image stands on and no container uses. `filters`: "until".
awaitable<wire::ImagePruneReport> prune_steps(Context& context, Filters filters);

}  // namespace gantry::images
