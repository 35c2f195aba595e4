#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/driver.hpp"
#include "gantry/stream.hpp"

/// Registry drivers move manifests and blobs between the daemon and where images come from.
///
/// The daemon chooses the platform, checks every digest and size, unpacks and stores; a driver only transports. It
/// follows redirects (never carrying credentials to another host), retries what may be retried, asks mirrors first,
/// and resumes a broken transfer where it stopped.
///
/// Capabilities that the daemon looks for:
///   "push", "search", "login", "tags";
///   "transport:NAME" (since 1.1): names that begin with "NAME:" are this driver's, beside the daemon's
///   registry-driver.
namespace gantry::registry::v1 {

/// Where an image is: the parts of its normalized name (distribution's reference grammar). May grow at its end.
struct Repository {
  std::string host;  ///< "docker.io", "localhost:5000".
  std::string path;  ///< "library/debian".
  /// Since 1.1. "oci" of "oci:/media/stick/web:1": `host` is empty then, `path` is "/media/stick/web", and an empty
  /// reference means the only image that is there. Empty: a registry.
  std::string transport{};
};

/// What the client sent in X-Registry-Auth (API: AuthConfig); empty members were not given. May grow at its end.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  ///< An OAuth2 refresh token.
  std::string registry_token;  ///< A bearer token, sent as it is.
};

/// OCI image spec, descriptor.md. May grow at its end.
struct Descriptor {
  std::string media_type;
  std::string digest;  ///< "sha256:<hex>".
  std::uint64_t size{};
  std::vector<std::string> urls;
};

/// A manifest or an index, as it was served. May grow at its end.
struct Manifest {
  std::string media_type;
  std::string digest;  ///< Of `content`.
  std::string content;
};

/// One answer of a search (API operation ImageSearch). Frozen.
struct SearchResult {
  std::string name;
  std::string description;
  std::int64_t stars{};
  bool official{};
};

/// Calls block and come from several threads at once. Errors of all: not_found (message as dockerd words it:
/// "manifest for X not found: manifest unknown: manifest unknown"), denied (credentials), unavailable (no answer after
/// retries, or "toomanyrequests"), io, cancelled.
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "registry";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 1;

  /// Gets the manifest or index that `reference` (a tag or a digest) names. The daemon refuses more than 4 MiB: the
  /// driver stops reading there with `invalid`.
  virtual void get_manifest(const Repository& repository, const std::string& reference, const Credentials& credentials,
                            Manifest& out, const Call& call) = 0;

  /// Streams the blob from byte `offset` to its end. A transfer that breaks is resumed by Range at the byte where it
  /// stopped, so `sink` sees each byte once; one that cannot be resumed fails with io.
  virtual void get_blob(const Repository& repository, const Descriptor& blob, std::uint64_t offset,
                        const Credentials& credentials, ByteSink& sink, const Call& call) = 0;

  /// Whether the repository has the blob.
  virtual bool has_blob(const Repository& repository, const Descriptor& blob, const Credentials& credentials,
                        const Call& call) = 0;

  /// Uploads a blob (gantry/seekable_source.hpp); `mount_from`: repositories of the host that may have it to mount.
  /// Returns whether bytes had to be sent: false if it was mounted; from where a driver may report as progress, with
  /// the action "Mounted from a/b".
  virtual bool put_blob(const Repository& repository, const Descriptor& blob,
                        const std::vector<std::string>& mount_from, const Credentials& credentials, ByteSource& source,
                        const Call& call) = 0;

  /// Uploads a manifest under `reference` (a tag or its digest).
  virtual void put_manifest(const Repository& repository, const std::string& reference, const Manifest& manifest,
                            const Credentials& credentials, const Call& call) = 0;

  virtual void list_tags(const Repository& repository, const Credentials& credentials, std::vector<std::string>& out,
                         const Call& call) = 0;

  /// Checks credentials against a registry (API operation SystemAuth); `identity_token` is filled if it gave one.
  virtual void login(const std::string& host, const Credentials& credentials, std::string& identity_token,
                     const Call& call) = 0;

  virtual void search(const std::string& host, const std::string& term, int limit, const Credentials& credentials,
                      std::vector<SearchResult>& out, const Call& call) = 0;
};

}  // namespace gantry::registry::v1
