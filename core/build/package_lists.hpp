#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::build {

/// One package that is installed in an image.
struct Package {
  std::string kind;  ///< Of its package-url: "deb", "apk", "rpm".
  std::string name;
  std::string version;
  std::string architecture;
  std::string source;   ///< What it was built from, with a version where that is another: "glibc@2.36-9"; may be empty.
  std::string license;  ///< As the list has it; may be empty.
  std::string found_in;  ///< The list's path in the image.
  std::string epoch{};   ///< Of rpm's: what goes before the version; may be empty.
};

/// The most packages that one image may have.
inline constexpr std::size_t kMaxPackages = 25'000;

/// Takes a package in that has a name and a version. Errors: invalid (there are `kMaxPackages` already).
void add_package(Package package, std::vector<Package>& out);

/// The packages of dpkg's list that are installed (deb822 stanzas: /var/lib/dpkg/status, or one stanza of status.d).
/// What makes no sense is passed over: an image's files are anybody's.
void add_debian_packages(std::string_view text, const std::string& path, std::vector<Package>& out);

/// The packages of apk's list (/lib/apk/db/installed).
void add_alpine_packages(std::string_view text, const std::string& path, std::vector<Package>& out);

/// What an image says that it is (os-release(5)).
struct Distribution {
  std::string id;       ///< "debian".
  std::string version;  ///< VERSION_ID.
};
Distribution parse_distribution(std::string_view text);

}  // namespace gantry::build
