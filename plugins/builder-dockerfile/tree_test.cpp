#include "tree.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "copy_files.hpp"
#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"

namespace gantry::dockerfile {
namespace {

namespace fs = std::filesystem;

class TreeTest : public ::testing::Test {
 protected:
  TreeTest() {
    std::string pattern = (fs::temp_directory_path() / "gantry-tree-XXXXXX").string();
    place_ = ::mkdtemp(pattern.data());
    fs::create_directories(place_ / "etc");
    root_ = UniqueFd{::open(place_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    // Of a pipe that is opened nothing would ever come.
    ::alarm(60);
  }
  ~TreeTest() override {
    ::alarm(0);
    layer_archive::remove_tree(AT_FDCWD, place_);
  }
  void make_pipe(const std::string& path) const { ASSERT_EQ(::mkfifo((place_ / path).c_str(), 0600), 0); }

  fs::path place_;
  UniqueFd root_;
};

TEST_F(TreeTest, OpensRegularFilesAlone) {
  make_pipe("pipe");
  std::ofstream{place_ / "etc/file"} << "content";
  fs::create_symlink("/etc/file", place_ / "link");
  const Tree tree{root_.get()};
  const UniqueFd file = tree.open_file("link");
  ASSERT_TRUE(file);
  EXPECT_EQ(read_whole(file.get(), 100, "x"), "content");
  EXPECT_FALSE(tree.open_file("pipe"));
  EXPECT_EQ(errno, ENXIO);
  EXPECT_FALSE(tree.open_file("etc"));
  EXPECT_FALSE(tree.open_file("nothing"));
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(TreeTest, OwnersAreLookedUpInFilesAlone) {
  const Tree tree{root_.get()};
  std::ofstream{place_ / "etc/passwd"} << "name:x:7:8::/:\n";
  EXPECT_EQ(resolve_owner("name:9", tree).uid, 7U);
  fs::remove(place_ / "etc/passwd");
  make_pipe("etc/passwd");
  EXPECT_THROW(resolve_owner("name:9", tree), Error);
}

TEST_F(TreeTest, IsNotListedDeeperThanAPathCanSay) {
  UniqueFd here{::open(place_.c_str(), O_PATH | O_CLOEXEC)};
  for (int depth = 0; depth < 2100; ++depth) {
    ASSERT_EQ(::mkdirat(here.get(), "d", 0700), 0);
    here = UniqueFd{::openat(here.get(), "d", O_PATH | O_CLOEXEC)};
  }
  try {
    static_cast<void>(Tree{root_.get()}.all());
    ADD_FAILURE() << "it was listed";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "\"d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/...\": file name too long");
  }
}

}  // namespace
}  // namespace gantry::dockerfile
