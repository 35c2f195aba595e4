#include "build/mount_stubs.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gantry/unique_fd.hpp"

namespace gantry::build {
namespace {

namespace fs = std::filesystem;

class MountStubsTest : public ::testing::Test {
 protected:
  MountStubsTest() {
    std::string place = (fs::temp_directory_path() / "mount-stubs-XXXXXX").string();
    folder_ = ::mkdtemp(place.data());
    fs::create_directories(folder_ / "root/old");
    root_ = UniqueFd{::open((folder_ / "root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  }
  ~MountStubsTest() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path in_root(const std::string& path) const { return folder_ / "root" / path; }

  fs::path folder_;
  UniqueFd root_;
};

TEST_F(MountStubsTest, WhatWasMadeToBeMountedOverGoes) {
  const MountStubs stubs{root_.get(), {"/a/b/c", "/file", "/old/d"}};
  const auto before = fs::last_write_time(in_root("old"));
  fs::create_directories(in_root("a/b/c"));
  fs::create_directory(in_root("old/d"));
  std::ofstream{in_root("file")};
  stubs.remove(root_.get());
  EXPECT_FALSE(fs::exists(in_root("a")));
  EXPECT_FALSE(fs::exists(in_root("file")));
  EXPECT_TRUE(fs::is_empty(in_root("old")));
  EXPECT_EQ(fs::last_write_time(in_root("old")), before);
}

TEST_F(MountStubsTest, WhatTheStepHasFilledStays) {
  const MountStubs stubs{root_.get(), {"/a/b", "/file"}};
  fs::create_directories(in_root("a/b"));
  std::ofstream{in_root("a/b/f")};
  std::ofstream{in_root("file")} << "x";
  stubs.remove(root_.get());
  EXPECT_TRUE(fs::exists(in_root("a/b/f")));
  EXPECT_TRUE(fs::exists(in_root("file")));
}

/// A step may put links in the place of what was made for it, while its mounts are there: they lead nowhere out of the
/// tree (CVE-2024-23652), neither for what is removed nor for the times that are given back.
TEST_F(MountStubsTest, LinksThatHaveTakenTheirPlaceLeadNowhereOut) {
  const std::string outside = folder_ / "outside";
  fs::create_directories(outside + "/b");
  std::ofstream{outside + "/file"};
  const MountStubs stubs{root_.get(), {"/a/b", "/a/file", "/old/d"}};
  const auto time = fs::file_time_type::clock::now() - std::chrono::hours{1};
  fs::last_write_time(outside, time);
  fs::create_directory_symlink(outside, in_root("a"));
  fs::remove(in_root("old"));
  fs::create_directory_symlink("../outside", in_root("old"));
  stubs.remove(root_.get());
  EXPECT_TRUE(fs::exists(outside + "/b"));
  EXPECT_TRUE(fs::exists(outside + "/file"));
  EXPECT_EQ(fs::last_write_time(outside), time);
  EXPECT_TRUE(fs::is_symlink(in_root("a")));
}

}  // namespace
}  // namespace gantry::build
