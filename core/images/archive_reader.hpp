#pragma once

#include <optional>
#include <string>
#include <vector>

#include "images/archive_files.hpp"
#include "images/catalog.hpp"
#include "images/manifest.hpp"

namespace gantry::images {

/// One image of an archive.
struct ArchivedImage {
  std::string config;
  std::vector<std::string> names;   ///< Normalized.
  registry::v1::Manifest manifest;  ///< Of an OCI layout; else empty.
  std::vector<Descriptor> layers;
  Attestation attestation;
};

/// What the archive's manifest.json (docker-archive), or else its index.json (OCI layout), names. Layers may still be
/// in the archive alone: of these the archive gets to know the digests that they must have. Of an index of several
/// platforms it is the image for `platform`, none: for this host, that counts. Errors: invalid.
std::vector<ArchivedImage> find_images(ArchiveFiles& archive, const std::optional<Platform>& platform = {});

}  // namespace gantry::images
