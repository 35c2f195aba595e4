#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "images/context.hpp"
#include "images/layer_store.hpp"

/// What is said about an image beside it, as BuildKit lays it out: an index of the image's manifest and of manifests
/// whose layers are in-toto statements about it.
namespace gantry::images {

namespace media_type {
inline constexpr std::string_view kInToto = "application/vnd.in-toto+json";
}

/// What of all this is read of somebody else's making.
inline constexpr std::size_t kMaxAttestations = 16;
inline constexpr std::uint64_t kMaxStatements = std::uint64_t{32} << 20;
/// Of the index and the manifests of statements, which are kept in memory as long as the image is here: BuildKit's have
/// one or two thousand bytes.
inline constexpr std::uint64_t kMaxAttestationManifests = std::uint64_t{256} << 10;

/// As a package-url has it: all but letters, digits and ".-_~" by its code.
std::string escaped_component(std::string_view text, bool keep_slashes);
/// "pkg:docker/app@1?platform=linux%2Famd64" (package-url specification).
std::string image_package_url(const Reference& reference, const Platform& platform);

/// The manifests of statements in an index that is about one image only; nothing if it is about others too, or says
/// nothing.
std::optional<std::vector<Descriptor>> statements_about(const Index& index, const std::string& subject);

/// Whether an index and its manifests of statements are few and small enough to be kept.
bool is_modest(const registry::v1::Manifest& index, const std::vector<Descriptor>& statements);

/// Takes a manifest of statements in. Errors: invalid (it is none; its blobs are too large).
void add_manifest(Attestation& attestation, registry::v1::Manifest manifest);

/// Whether the manifest that is spoken of is the one that the image has here.
bool is_attested(const ImageRecord& record);

/// Whether what is said about an image's blobs is said about layers that are kept as these very blobs. Others of the
/// same layers are not taken for them: that they hold the same is a stranger's word.
/// Errors: invalid (not so many layers), conflict (they are here as other blobs).
void check_is_about(const std::vector<LayerRecord>& layers, const std::vector<Descriptor>& blobs);

/// Gets all that `index`, which has come with `reference`, says about an image; empty if that is nothing.
/// Errors: those of the registry, invalid.
awaitable<Attestation> get_attestation(Context& context, Reference reference, registry::v1::Manifest index,
                                       std::string subject, registry::v1::Credentials credentials, Cancel cancel);

/// Gets a blob that is not here, and does not unpack it. Errors: those of the registry, invalid.
awaitable<void> get_blob(Context& context, Origin origin, Descriptor blob, Cancel cancel);

/// As `Service` says.
awaitable<std::string> attest(Context& context, std::string id, Saying saying);
awaitable<std::vector<Descriptor>> compressed_layers(Context& context, std::string id);
awaitable<void> retract(Context& context, std::string id);
awaitable<std::vector<Statement>> read_statements(Context& context, Record record, std::vector<std::string> types,
                                                  bool whole);

}  // namespace gantry::images
