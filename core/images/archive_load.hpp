#pragma once

#include "images/context.hpp"

namespace gantry::images {

/// Takes the images of a docker-archive or an OCI layout.
awaitable<void> load_archive(Context& context, UploadSource source, bool quiet, Report report, Cancel cancel);

}  // namespace gantry::images
