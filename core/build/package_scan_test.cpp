#include "build/package_scan.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::build {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
namespace fs = std::filesystem;

class PackageScan : public ::testing::Test {
 protected:
  PackageScan() {
    std::string pattern = (fs::temp_directory_path() / "scan-XXXXXX").string();
    top_ = ::mkdtemp(pattern.data());
    fs::create_directories(top_ / "root/var/lib/dpkg");
    fs::create_directories(top_ / "root/lib/apk/db");
  }
  ~PackageScan() override { fs::remove_all(top_); }

  void write(const fs::path& path, const std::string& text) const { std::ofstream{top_ / path} << text; }
  [[nodiscard]] Inventory scan() const {
    const UniqueFd root{::open((top_ / "root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return scan_packages(root.get(), [] {});
  }

  fs::path top_;
  const std::string list_ = "Package: a\nStatus: install ok installed\nVersion: 1\n";
};

TEST_F(PackageScan, FindsTheListsOfBothAndOfDirectories) {
  write("root/var/lib/dpkg/status", list_);
  fs::create_directories(top_ / "root/var/lib/dpkg/status.d");
  write("root/var/lib/dpkg/status.d/b", "Package: b\nVersion: 2\n");
  write("root/var/lib/dpkg/status.d/b.md5sums", "Package: c\nVersion: 3\n");
  write("root/lib/apk/db/installed", "P:d\nV:4\n");
  EXPECT_THAT(scan().packages, SizeIs(3));
}

TEST_F(PackageScan, FollowsLinksInsideOfTheImageOnly) {
  write("outside", list_);
  fs::create_symlink("../../../../outside", top_ / "root/var/lib/dpkg/status");
  fs::create_symlink((top_ / "outside").string(), top_ / "root/lib/apk/db/installed");
  EXPECT_THAT(scan().packages, IsEmpty());
  fs::remove(top_ / "root/var/lib/dpkg/status");
  write("root/there", list_);
  fs::create_symlink("/there", top_ / "root/var/lib/dpkg/status");
  EXPECT_THAT(scan().packages, SizeIs(1));
}

TEST_F(PackageScan, WaitsForNoPipeAndReadsNoDirectory) {
  ASSERT_EQ(::mkfifo((top_ / "root/var/lib/dpkg/status").c_str(), 0600), 0);
  fs::create_directories(top_ / "root/lib/apk/db/installed");
  EXPECT_THAT(scan().packages, IsEmpty());
}

std::string said_by(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(PackageScan, ReadsNoListWithoutEnd) {
  write("root/var/lib/dpkg/status", list_);
  fs::resize_file(top_ / "root/var/lib/dpkg/status", std::uintmax_t{1} << 40);
  EXPECT_EQ(said_by([&] { static_cast<void>(scan()); }),
            "cannot list the packages: /var/lib/dpkg/status is larger than 64 MiB");
  // Nothing but one line, or zeros.
  fs::resize_file(top_ / "root/var/lib/dpkg/status", std::uintmax_t{2} << 20);
  EXPECT_EQ(said_by([&] { static_cast<void>(scan()); }), "cannot list the packages: /var/lib/dpkg/status is no list");
}

TEST_F(PackageScan, HasOneBudgetForAllLists) {
  for (const std::string path : {"root/var/lib/dpkg/status", "root/lib/apk/db/installed"}) {
    std::ofstream file{top_ / path};
    const std::string piece(std::size_t{1} << 19, '\n');
    for (int piece_no = 0; piece_no < 70; ++piece_no) file << piece;
  }
  EXPECT_EQ(said_by([&] { static_cast<void>(scan()); }),
            "cannot list the packages: the image's lists are larger than 64 MiB together");
}

TEST_F(PackageScan, ReadsALongListInPieces) {
  std::ofstream file{top_ / "root/var/lib/dpkg/status"};
  constexpr int kMany = 5'000;
  for (int number = 0; number < kMany; ++number) {
    file << "Package: p" << number
         << "\nStatus: install ok installed\nVersion: 1\nDescription: " << std::string(1'000, 'x') << "\n\n";
  }
  file.close();
  const auto found = scan().packages;
  ASSERT_THAT(found, SizeIs(kMany));
  for (int number = 0; number < kMany; ++number) {
    ASSERT_EQ(found[static_cast<std::size_t>(number)].name, "p" + std::to_string(number));
  }
}

TEST_F(PackageScan, SaysWhichListsItCannotRead) {
  fs::create_directories(top_ / "root/var/lib/rpm");
  write("root/var/lib/rpm/Packages", "Berkeley DB");
  EXPECT_THAT(scan().unread, ::testing::ElementsAre("/var/lib/rpm/Packages"));
  write("root/var/lib/rpm/rpmdb.sqlite", std::string(10'000, 'x'));
  EXPECT_THAT(scan().unread, ::testing::ElementsAre("/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages"));
}

}  // namespace
}  // namespace gantry::build
