#pragma once

#include "images/context.hpp"

namespace gantry::images {

/// Makes an image of one layer from the archive of a root filesystem. Answers its id.
awaitable<std::string> import_image(Context& context, ImportRequest request, UploadSource source, Report report,
                                    Cancel cancel);

/// Makes an image from a container's writable top. Answers its id.
awaitable<std::string> commit_image(Context& context, CommitRequest request);

}  // namespace gantry::images
