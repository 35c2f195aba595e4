#include "build/spdx.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

TEST(Spdx, NamesAPackageByItsUrl) {
  const Package libc{"deb", "libc6", "1:2.36-9+deb12u1", "amd64", "glibc@2.36-9", "", ""};
  EXPECT_EQ(package_url(libc, {"debian", "12"}),
            "pkg:deb/debian/libc6@1%3A2.36-9%2Bdeb12u1?arch=amd64&upstream=glibc%402.36-9&distro=debian-12");
  const Package musl{"apk", "musl", "1.2.4-r2", "x86_64", "musl", "MIT", ""};
  EXPECT_EQ(package_url(musl, {}), "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64");
}

TEST(Spdx, IsADocumentOfTheImageAndItsPackages) {
  const Inventory inventory{{"debian", "12"}, {{"deb", "bash", "5.2", "amd64", "", "", "/var/lib/dpkg/status"}}, {}};
  const auto document = nlohmann::json::parse(spdx_document(inventory, {"app:1", "sha256:ab", 1'500'000'000}));
  EXPECT_EQ(document["spdxVersion"], "SPDX-2.3");
  EXPECT_EQ(document["creationInfo"]["created"], "1970-01-01T00:00:01Z");
  EXPECT_EQ(document["packages"].size(), 2U);
  EXPECT_EQ(document["packages"][1]["externalRefs"][0]["referenceLocator"],
            "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12");
  EXPECT_EQ(document["relationships"][1]["relationshipType"], "CONTAINS");
}

TEST(Spdx, NamesAnRpmPackageWithItsEpoch) {
  Package shadow{"rpm", "shadow-utils", "4.14.0-6.fc40", "x86_64", "shadow-utils-4.14.0-6.fc40.src.rpm", "BSD", ""};
  shadow.epoch = "2";
  EXPECT_EQ(package_url(shadow, {"fedora", "40"}),
            "pkg:rpm/fedora/shadow-utils@4.14.0-6.fc40?arch=x86_64&epoch=2&upstream=shadow-utils-4.14.0-6.fc40.src.rpm&"
            "distro=fedora-40");
  const Inventory inventory{{"fedora", "40"}, {shadow}, {"/var/lib/rpm/Packages"}};
  const auto document = nlohmann::json::parse(spdx_document(inventory, {"app:1", "sha256:ab", 1}));
  EXPECT_EQ(document["packages"][1]["versionInfo"], "2:4.14.0-6.fc40");
  EXPECT_EQ(document["comment"], "The packages of these databases are not listed: /var/lib/rpm/Packages");
}

TEST(Spdx, EndsSomewhere) {
  const Package large{"deb", std::string(1024, 'x'), "1", "", "", std::string(1024, 'y'), ""};
  const Inventory inventory{{}, std::vector<Package>(10'000, large), {}};
  EXPECT_THROW(spdx_document(inventory, {"app:1", "sha256:ab", 1}), Error);
}

TEST(Spdx, SurvivesNamesThatAreNoText) {
  const Inventory inventory{{}, {{"deb", "\xff\xfe", "1", "", "", "", ""}}, {}};
  EXPECT_TRUE(nlohmann::json::accept(spdx_document(inventory, {"app:1", "sha256:ab", 1})));
}

}  // namespace
}  // namespace gantry::build
