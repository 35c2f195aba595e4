#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/driver.hpp"
#include "gantry/mount.hpp"
#include "gantry/stream.hpp"

/// Storage drivers keep the layers of images, unpacked, and the writable tops of containers.
///
/// Life of a layer:  apply -> (prepare over it)* -> remove_layer.
/// Life of a top:    prepare -> mounts* -> changes*, diff*, usage* -> remove.
///
/// Capabilities that the daemon looks for:
///   "parallel-apply"  layers of one image may be applied at the same time, in any order, before their parents.
namespace gantry::storage::v1 {

/// What names an unpacked layer together with all below it: "sha256:<64 hex digits>"
/// (OCI image spec, config.md "Layer ChainID").
using ChainId = std::string;

/// Names the writable top of one container: [A-Za-z0-9_.-]+, at most 128 characters.
using Key = std::string;

/// The outcome of `apply`. May grow at its end.
struct AppliedLayer {
  std::uint64_t size{};  ///< Bytes of the regular files in this layer.
};

/// What a top takes up. May grow at its end.
struct Usage {
  std::uint64_t size{};    ///< Bytes of the regular files in the writable top, hard links counted once.
  std::uint64_t inodes{};
};

/// Options for `prepare`. May grow at its end.
struct PrepareOptions {
  std::uint64_t size_limit{};  ///< Quota in bytes; 0 for none. Errors: unsupported.
};

/// What the driver holds, for recovery. May grow at its end.
struct Holdings {
  std::vector<ChainId> layers;  ///< Whole ones only.
  std::vector<Key> keys;
};

enum class ChangeKind : int { modified = 0, added = 1, removed = 2 };

/// One path that differs between a top and its layers (API operation ContainerChanges). Frozen.
struct Change {
  ChangeKind kind{};
  std::string path;  ///< Absolute inside the container.
};

/// Calls block; calls for different layers and keys may come at once, never two for the same.
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "storage";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 0;

  /// Unpacks the layer `id` from an uncompressed tar stream (OCI image spec, layer.md: whiteouts ".wh.<name>",
  /// opaque ".wh..wh..opq"). `parents` lists the layers below, base first; empty for a base layer. Reads `tar` to its
  /// end, also behind the archive's closing blocks: the daemon digests what passes. All or nothing: after a failure
  /// or a crash the layer does not exist. Succeeds without reading if the layer is there already.
  /// The archive is hostile: no entry may reach outside of the layer, by "..", absolute names or links.
  /// Errors: invalid (the archive; names the entry), not_found (a parent, without "parallel-apply"), exhausted, io.
  virtual void apply(const ChainId& id, const std::vector<ChainId>& parents, ByteSource& tar, AppliedLayer& out,
                     const Call& call) = 0;

  /// Removes a layer. Succeeds if there is none. The daemon calls it only when no top and no layer stands on it.
  virtual void remove_layer(const ChainId& id, const Call& call) = 0;

  /// Makes an empty writable top over `layers` (base first; may be empty) and says how to mount it: the first
  /// mount's target is empty (the root), others follow in order. Repeating it for a `key` that exists with the same
  /// layers answers the same mounts; with others it is a conflict.
  /// Errors: conflict, not_found (names the layer), exhausted (too many layers), unsupported, io.
  virtual void prepare(const Key& key, const std::vector<ChainId>& layers, const PrepareOptions& options,
                       std::vector<Mount>& out, const Call& call) = 0;

  /// The mounts of a top that exists. Errors: not_found.
  virtual void mounts(const Key& key, std::vector<Mount>& out, const Call& call) = 0;

  /// Removes what `key` holds. Succeeds if there is nothing.
  virtual void remove(const Key& key, const Call& call) = 0;

  /// Errors: not_found.
  virtual void usage(const Key& key, Usage& out, const Call& call) = 0;

  /// What differs in the top from its layers, sorted by path. Errors: not_found.
  virtual void changes(const Key& key, std::vector<Change>& out, const Call& call) = 0;

  /// Writes the differences of the top as a layer's tar stream, with OCI whiteouts, so that `apply` of it over the same
  /// layers gives the same tree. Deterministic: same tree, same bytes. Errors: not_found, io.
  virtual void diff(const Key& key, ByteSink& tar, const Call& call) = 0;

  /// What the driver holds on disk. The daemon removes what it does not know.
  virtual void list(Holdings& out, const Call& call) = 0;
};

}  // namespace gantry::storage::v1
