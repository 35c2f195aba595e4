#pragma once

#include <string>

#include "base/time.hpp"
#include "build/package_scan.hpp"

namespace gantry::build {

inline constexpr const char* kSpdxType = "https://spdx.dev/Document";

/// What a list of packages is about.
struct Subject {
  std::string name;   ///< "app:1", or the image's id.
  std::string image;  ///< The image's id.
  Nanoseconds time{};
};

/// "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12".
std::string package_url(const Package& package, const Distribution& distribution);

inline constexpr std::size_t kMaxDocument = std::size_t{24} << 20;

/// An SPDX 2.3 document (JSON) of an image and the packages in it. Errors: invalid (larger than `kMaxDocument`).
std::string spdx_document(const Inventory& inventory, const Subject& subject);

}  // namespace gantry::build
