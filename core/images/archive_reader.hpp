#pragma once

#include <map>
#include <string>
#include <vector>

#include "gantry/stream.hpp"
#include "images/blob_store.hpp"
#include "images/catalog.hpp"
#include "images/manifest.hpp"

namespace gantry::images {

/// The files of an image archive: they are put into the blob store as they come.
struct ArchiveFiles {
  struct File {
    std::string digest;
    std::uint64_t size{};
  };
  std::map<std::string, File> files;
  std::map<std::string, std::string> links;  ///< Symbolic and hard links: path to path.

  /// Follows links. Null if there is none.
  [[nodiscard]] const File* find(const std::string& path) const;
};

/// Reads a tar archive (plain or compressed) to its end. Errors: invalid.
ArchiveFiles read_archive(ByteSource& source, const BlobStore& blobs);

/// One image of an archive.
struct ArchivedImage {
  std::string config;
  std::vector<std::string> names;   ///< Normalized.
  registry::v1::Manifest manifest;  ///< Of an OCI layout; else empty.
  std::vector<Descriptor> layers;
  Attestation attestation;
};

/// What the archive's manifest.json (docker-archive), or else its index.json (OCI layout), names. Errors: invalid.
std::vector<ArchivedImage> find_images(const ArchiveFiles& archive, const BlobStore& blobs);

}  // namespace gantry::images
