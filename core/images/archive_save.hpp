#pragma once

#include "images/annotations.hpp"
#include "images/context.hpp"

namespace gantry::images {

/// Writes images as one tar archive that is an OCI layout and a docker-archive. With a platform: those must be of it,
/// and what is said about them is left out.
awaitable<void> save_archive(Context& context, std::vector<std::string> references, std::optional<Platform> platform,
                             DownloadSink sink, Cancel cancel);

/// The manifest that a record was pulled with, if it names the blobs that are here; else one made for these blobs.
registry::v1::Manifest manifest_of(const ImageRecord& record);
/// One made for these blobs, in OCI's form.
registry::v1::Manifest new_manifest(const ImageRecord& record, const Annotations::Notes& notes = {});

}  // namespace gantry::images
