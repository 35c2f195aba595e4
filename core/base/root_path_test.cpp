#include "base/root_path.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "gantry/error.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

class RootPath : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "gantry-root-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::create_directories(folder_ / "root/etc");
    std::ofstream{folder_ / "root/etc/file"} << "inside";
    std::ofstream{folder_ / "file"} << "outside";
    fs::create_symlink("../../../..", folder_ / "root/up");
    fs::create_symlink("/etc", folder_ / "root/etc-link");
    fs::create_symlink("etc-link/file", folder_ / "root/twice");
    fs::create_symlink("/nowhere/x", folder_ / "root/broken");
    fs::create_symlink("loop", folder_ / "root/loop");
    root_ = UniqueFd{::open((folder_ / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
  UniqueFd root_;
};

TEST_F(RootPath, LinksStayInside) {
  EXPECT_EQ(resolve_in_root(root_.get(), "/twice"), "/etc/file");
  EXPECT_EQ(resolve_in_root(root_.get(), "/up/etc/../etc/file"), "/etc/file");
  EXPECT_EQ(resolve_in_root(root_.get(), "../../file"), "/file");
  EXPECT_EQ(resolve_in_root(root_.get(), "/broken"), "/nowhere/x");
  EXPECT_TRUE(open_in_root(root_.get(), "/up/etc/file", O_PATH));
  EXPECT_FALSE(open_in_root(root_.get(), "/up/file", O_PATH));
  EXPECT_FALSE(open_in_root(root_.get(), "/loop", O_PATH));
  EXPECT_FALSE(resolve_in_root(root_.get(), "/loop").empty()) << "it ends";
}

TEST_F(RootPath, WhatIsMissingIsMadeInside) {
  EXPECT_TRUE(make_in_root(root_.get(), "/etc-link/a/b", true));
  EXPECT_TRUE(fs::is_directory(folder_ / "root/etc/a/b"));
  EXPECT_TRUE(make_in_root(root_.get(), "/up/new/file", false));
  EXPECT_TRUE(fs::is_regular_file(folder_ / "root/new/file"));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
  EXPECT_THROW(make_in_root(root_.get(), "/etc/file/x", true), Error);
  EXPECT_THROW(make_in_root(root_.get(), "/broken", true), Error);
}

}  // namespace
}  // namespace gantry
