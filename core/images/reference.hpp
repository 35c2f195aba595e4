#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gantry/registry.hpp"

/// Names of images (grammar: distribution/reference), normalized as Docker does: "debian" is
/// "docker.io/library/debian:latest".
namespace gantry::images {

/// A normalized name, with a tag, a digest, both or neither.
struct Reference {
  std::string host;    ///< "docker.io", "localhost:5000".
  std::string path;    ///< "library/debian".
  std::string tag;     ///< Empty if none was given.
  std::string digest;  ///< "sha256:<hex>"; empty if none was given.
  /// Where the image is if not in the registry that its name says: "oci" and "/media/stick/web".
  std::string transport;
  std::string place;

  /// "docker.io/library/debian".
  [[nodiscard]] std::string name() const;
  /// What users see: "debian".
  [[nodiscard]] std::string familiar_name() const;
  /// Name, tag and digest, normalized: "docker.io/library/debian:12".
  [[nodiscard]] std::string str() const;
  /// Name, tag and digest as users see them: "debian:12".
  [[nodiscard]] std::string familiar() const;
  /// With tag "latest" if it has neither tag nor digest.
  [[nodiscard]] Reference with_default_tag() const;
  [[nodiscard]] Reference with_tag(std::string new_tag) const;
  [[nodiscard]] Reference with_digest(std::string new_digest) const;
  [[nodiscard]] registry::v1::Repository repository() const {
    return transport.empty() ? registry::v1::Repository{host, path, {}}
                             : registry::v1::Repository{{}, place, transport};
  }

  friend bool operator==(const Reference&, const Reference&) = default;
};

/// Errors: invalid, in dockerd's words ("invalid reference format: repository name (library/X) must be lowercase").
Reference parse_reference(std::string_view text);

/// "oci:/media/stick/web:1": the place, with the local name that the image gets, "web:1". Nothing if the text does not
/// begin with a transport and an absolute path. Errors: invalid if no name can be made of the path.
std::optional<Reference> parse_place(std::string_view text);

/// A name that was stored by `Reference::str`, as users see it.
std::string familiar(const std::string& normalized);

/// Whether `text` is a tag: [\w][\w.-]{0,127}.
bool is_tag(std::string_view text) noexcept;

}  // namespace gantry::images
