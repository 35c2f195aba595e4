#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gantry/registry.hpp"
#include "images/platform.hpp"

/// Manifests and indexes of OCI (image spec, manifest.md and image-index.md) and of Docker schema 2.
namespace gantry::images {

namespace media_type {
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
}  // namespace media_type

inline constexpr std::size_t kMaxManifest = std::size_t{4} << 20;
inline constexpr std::size_t kMaxLayers = 1024;
inline constexpr std::uint64_t kMaxBlob = std::uint64_t{1} << 40;

using Descriptor = registry::v1::Descriptor;

/// One image of one platform.
struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  ///< Base first.
};

/// One name for images of several platforms.
struct Index {
  struct Entry {
    Descriptor descriptor;
    std::optional<Platform> platform;
    std::string ref_name;    ///< Annotation org.opencontainers.image.ref.name.
    std::string image_name;  ///< Annotation io.containerd.image.name.
    /// The digest of the manifest that this one's statements are about: annotation vnd.docker.reference.digest of one
    /// of the type attestation-manifest. Empty: it is an image.
    std::string about;
  };
  std::string media_type;
  std::vector<Entry> manifests;
};

/// Parses what a registry or an archive holds; `declared_type` is what the other side called it, may be empty.
/// Errors: invalid: too large, not JSON, a type that is not known, or members that are missing or out of bounds.
std::variant<Manifest, Index> parse_manifest(std::string_view content, std::string_view declared_type);

/// Whether `content`, called `declared_type`, is of the format that there was before images had configs.
bool is_schema_1(std::string_view content, std::string_view declared_type);

/// Whether a layer of this type may be kept out of registries by those who published it.
bool is_foreign(std::string_view media_type);

/// The entry that serves `platform` best; null if there is none.
const Index::Entry* choose(const Index& index, const Platform& platform);

/// A Docker schema 2 manifest of these parts, in the order and layout of distribution's own.
std::string make_docker_manifest(const Descriptor& config, const std::vector<Descriptor>& layers);

/// An OCI manifest of these parts.
std::string make_oci_manifest(const Descriptor& config, const std::vector<Descriptor>& layers,
                              const std::map<std::string, std::string>& annotations = {});

/// An OCI index of these, with their platforms.
std::string make_oci_index(const std::vector<Index::Entry>& entries);

/// Whether something is noted on a manifest.
bool is_annotated(std::string_view content);

}  // namespace gantry::images
