#pragma once

#include "images/context.hpp"

namespace gantry::images {

/// An archive that comes as a stream, or is a file of this host's.
struct ArchiveSource {
  UploadSource upload;
  std::shared_ptr<const UniqueFd> file;
  std::optional<Platform> platform;  ///< Only images of this one are wanted.
};

/// Takes the images of a docker-archive or an OCI layout.
awaitable<void> load_archive(Context& context, ArchiveSource source, bool quiet, Report report, Cancel cancel);

}  // namespace gantry::images
