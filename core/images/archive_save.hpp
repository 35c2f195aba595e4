#pragma once

#include "images/annotations.hpp"
#include "images/context.hpp"

namespace gantry::images {

/// Writes images as one tar archive that is an OCI layout and a docker-archive.
awaitable<void> save_archive(Context& context, std::vector<std::string> references, DownloadSink sink, Cancel cancel);

/// The manifest that a record was pulled with, if it names the blobs that are here; else one made for these blobs.
registry::v1::Manifest manifest_of(const ImageRecord& record);
/// One made for these blobs, in OCI's form.
registry::v1::Manifest new_manifest(const ImageRecord& record, const Annotations::Notes& notes = {});

}  // namespace gantry::images
