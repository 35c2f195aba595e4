#include "build/package_lists.hpp"
#include "build/rpm_database.hpp"
#include "build/spdx.hpp"

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  gantry::build::Inventory found;
  found.distribution = gantry::build::parse_distribution(text);
  gantry::build::add_debian_packages(text, "/var/lib/dpkg/status", found.packages);
  gantry::build::add_alpine_packages(text, "/lib/apk/db/installed", found.packages);
  if (const auto package = gantry::build::parse_rpm_header(text)) found.packages.push_back(*package);
  gantry::build::add_rpm_packages(
      std::string{text}, "/var/lib/rpm/rpmdb.sqlite", [] {}, found.packages);
  static_cast<void>(gantry::build::spdx_document(found, {"app:1", "sha256:ab", 1}));
}
