#pragma once

#include <string>

namespace gantry::cli {

/// "linux/amd64" in its parts, by the names that registries know them by: "x86_64" is "amd64".
struct Platform {
  std::string os;
  std::string os_version;
  std::string architecture;
  std::string variant;

  /// "linux/arm/v7"
  [[nodiscard]] std::string text() const;
  /// As the API takes it in queries from version 1.46 on.
  [[nodiscard]] std::string json() const;
};

/// "os[(version)]", "os/architecture[/variant]" or an architecture alone; what is missing is this host's. Throws
/// InvalidValue as containerd's module words it.
Platform parse_platform(const std::string& text);

}  // namespace gantry::cli
