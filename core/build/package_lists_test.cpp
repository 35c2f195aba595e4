#include "build/package_lists.hpp"

#include <gmock/gmock.h>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(PackageLists, TakeWhatDpkgHasInstalled) {
  std::vector<Package> found;
  add_debian_packages(
      "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: "
      "2.36-9+deb12u1\n"
      "Description: GNU C Library\n more of it: no field\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
      "Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\n",
      "/var/lib/dpkg/status", found);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].name, "libc6");
  EXPECT_EQ(found[0].version, "2.36-9+deb12u1");
  EXPECT_EQ(found[0].source, "glibc@2.36-9");
  EXPECT_EQ(found[1].name, "bash");
}

TEST(PackageLists, TakeAListWithoutAStatus) {
  std::vector<Package> found;
  add_debian_packages("Package: base-files\nVersion: 12\nArchitecture: amd64\n", "status.d/base-files", found);
  ASSERT_THAT(found, SizeIs(1));
}

TEST(PackageLists, TakeWhatApkHas) {
  std::vector<Package> found;
  add_alpine_packages("C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl\n\nP:busybox\nV:1.36\n",
                      "/lib/apk/db/installed", found);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].name, "musl");
  EXPECT_EQ(found[0].license, "MIT");
  EXPECT_EQ(found[1].version, "1.36");
}

TEST(PackageLists, PassOverWhatMakesNoSense) {
  std::vector<Package> found;
  add_debian_packages("::\n \n\nPackage:\nVersion: 1\n\nPackage: x\n\n: y\nno colon\n\t\n", "", found);
  add_debian_packages("Package: " + std::string(100'000, 'x') + "\nVersion: 1\n", "", found);
  add_alpine_packages(std::string_view{"\0\0P:\0\n\n", 8}, "", found);
  EXPECT_THAT(found, IsEmpty());
}

TEST(PackageLists, EndSomewhere) {
  std::string many;
  for (std::size_t at = 0; at < kMaxPackages; ++at) many += "P:a\nV:1\n\n";
  std::vector<Package> found;
  add_alpine_packages(many, "", found);
  EXPECT_THAT(found, SizeIs(kMaxPackages));
  // Not to say so would be a list that is not whole.
  EXPECT_THROW(add_alpine_packages("P:a\nV:1\n", "", found), Error);
}

TEST(Distribution, IsReadWithAndWithoutQuotes) {
  const Distribution found = parse_distribution("NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n");
  EXPECT_EQ(found.id, "debian");
  EXPECT_EQ(found.version, "12");
}

}  // namespace
}  // namespace gantry::build
