#pragma once

#include <string>

namespace gantry::cli {

/// An image's name as its user writes it, taken apart.
struct Reference {
  std::string name;    ///< "busybox", "localhost:5000/x": without what Docker Hub adds.
  std::string tag;     ///< Empty if none was given.
  std::string digest;  ///< "sha256:..." or empty.

  /// With the tag "latest" where there is neither tag nor digest.
  [[nodiscard]] std::string with_default_tag() const;
  /// The registry's host; "docker.io" for Docker Hub.
  [[nodiscard]] std::string domain() const;
};

/// Throws InvalidValue: "invalid reference format".
Reference parse_reference(const std::string& text);

}  // namespace gantry::cli
