#include "volumes/copy_up.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.hpp"
#include "base/mounted_tree.hpp"
#include "base/root_path.hpp"

namespace gantry::volumes {
namespace {

namespace fs = std::filesystem;

class CopyUp : public ::testing::Test {
 protected:
  CopyUp() : top_(make_top()) {
    for (const char* const name : {"image/data/sub", "volume"}) fs::create_directories(top_ / name);
    std::ofstream{top_ / "image/data/file"} << "content";
    fs::create_hard_link(top_ / "image/data/file", top_ / "image/data/sub/again");
    fs::create_symlink("/etc/passwd", top_ / "image/data/link");
  }
  ~CopyUp() override { fs::remove_all(top_); }

  static fs::path make_top() {
    std::string path = fs::temp_directory_path() / "copy-up-XXXXXX";
    return ::mkdtemp(path.data());
  }
  struct stat stat_of(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(::lstat((top_ / name).c_str(), &status), 0) << name;
    return status;
  }
  bool copy(const std::string& path) const {
    const UniqueFd root{::open((top_ / "image").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return copy_up(root.get(), path, (top_ / "volume").string());
  }

  fs::path top_;
};

TEST_F(CopyUp, TakesExtendedAttributes) {
  // CAP_NET_RAW, effective (capabilities(7), VFS_CAP_REVISION_2).
  const std::string capability("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string file = top_ / "image/data/file";
  ASSERT_EQ(::setxattr(file.c_str(), "security.capability", capability.data(), capability.size(), 0), 0);
  const std::string directory = top_ / "image/data/sub";
  ASSERT_EQ(::setxattr(directory.c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  ASSERT_TRUE(copy("/data"));
  std::array<char, 64> got{};
  EXPECT_EQ(::getxattr((top_ / "volume/file").c_str(), "security.capability", got.data(), got.size()), 20);
  EXPECT_EQ(std::string(got.data(), 20), capability);
  EXPECT_LT(::getxattr((top_ / "volume/sub").c_str(), "trusted.overlay.opaque", got.data(), got.size()), 0);
}

TEST_F(CopyUp, TakesContentAndAttributes) {
  ASSERT_EQ(::chown((top_ / "image/data").c_str(), 33, 44), 0);
  ASSERT_EQ(::chmod((top_ / "image/data").c_str(), 02770), 0);
  ASSERT_EQ(::chown((top_ / "image/data/file").c_str(), 5, 6), 0);
  ASSERT_EQ(::chmod((top_ / "image/data/file").c_str(), 04711), 0);
  ASSERT_EQ(::mknod((top_ / "image/data/null").c_str(), S_IFCHR | 0666, 0x103), 0);
  ASSERT_TRUE(copy("/data"));
  EXPECT_EQ(read_file(top_ / "volume/file"), "content");
  EXPECT_EQ(stat_of("volume/file").st_mode & 07777U, 04711U);
  EXPECT_EQ(stat_of("volume/file").st_uid, 5U);
  EXPECT_EQ(stat_of("volume/file").st_ino, stat_of("volume/sub/again").st_ino);
  EXPECT_EQ(stat_of("volume/file").st_mtim.tv_nsec, stat_of("image/data/file").st_mtim.tv_nsec);
  EXPECT_EQ(fs::read_symlink(top_ / "volume/link"), "/etc/passwd");
  EXPECT_EQ(stat_of("volume/null").st_rdev, 0x103U);
  EXPECT_EQ(stat_of("volume").st_mode & 07777U, 02770U);
  EXPECT_EQ(stat_of("volume").st_uid, 33U);
  EXPECT_EQ(stat_of("volume").st_gid, 44U);
}

TEST_F(CopyUp, LeavesAVolumeWithContentAlone) {
  std::ofstream{top_ / "volume/mine"} << "x";
  EXPECT_FALSE(copy("/data"));
  EXPECT_FALSE(fs::exists(top_ / "volume/file"));
}

TEST_F(CopyUp, NothingInTheImage) { EXPECT_FALSE(copy("/not/there")); }

TEST_F(CopyUp, RefusesAFile) { EXPECT_THROW(copy("/data/file"), Error); }

TEST_F(CopyUp, LinksStayInsideOfTheImage) {
  fs::create_directories(top_ / "image/etc");
  std::ofstream{top_ / "image/etc/ours"} << "x";
  fs::create_symlink("/etc", top_ / "image/way");
  ASSERT_TRUE(copy("/way"));
  EXPECT_TRUE(fs::exists(top_ / "volume/ours"));
  EXPECT_FALSE(fs::exists(top_ / "volume/passwd"));
}

// A running container that has the volume as well.
TEST_F(CopyUp, WhoExchangesACopyForALinkChangesNothingOutside) {
  std::ofstream{top_ / "victim"} << "secret";
  ASSERT_EQ(::chmod((top_ / "victim").c_str(), 0600), 0);
  std::ofstream{top_ / "image/data/large"} << std::string(std::size_t{64} << 20, 'x');
  ASSERT_EQ(::chmod((top_ / "image/data/large").c_str(), 04777), 0);
  const fs::path copied = top_ / "volume/large";
  bool refused = false;
  // Until the exchange comes in the middle of a copy, not behind it.
  while (!refused) {
    fs::remove_all(top_ / "volume");
    fs::create_directories(top_ / "volume");
    std::thread exchange{[&] {
      while (::unlink(copied.c_str()) != 0) std::this_thread::yield();
      fs::create_symlink(top_ / "victim", copied);
    }};
    try {
      copy("/data");
    } catch (const Error&) {
      refused = true;
    }
    exchange.join();
    ASSERT_EQ(stat_of("victim").st_mode & 07777U, 0600U);
  }
  EXPECT_TRUE(fs::is_empty(top_ / "volume"));
}

TEST_F(CopyUp, ReadsAMountedTreeThatNobodySees) {
  for (const char* const name : {"upper", "work"}) fs::create_directories(top_ / name);
  const Mount overlay{"overlay", "overlay", "", top_.string(), {"lowerdir=image", "upperdir=upper", "workdir=work"}};
  const MountedTree tree{{overlay}};
  EXPECT_EQ(read_file("/proc/self/mountinfo").find(top_.string()), std::string::npos);
  ASSERT_TRUE(copy_up(tree.fd(), "data", (top_ / "volume").string()));
  EXPECT_EQ(read_file(top_ / "volume/sub/again"), "content");
  const UniqueFd made{::openat(tree.fd(), "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  EXPECT_TRUE(made);
  EXPECT_TRUE(fs::exists(top_ / "upper/made"));
}

TEST_F(CopyUp, GoesNoDeeperThanAPathCanSay) {
  UniqueFd here{::open((top_ / "image/data/sub").c_str(), O_PATH | O_CLOEXEC)};
  for (int depth = 0; depth < 2100; ++depth) {
    ASSERT_EQ(::mkdirat(here.get(), "d", 0700), 0);
    here = UniqueFd{::openat(here.get(), "d", O_PATH | O_CLOEXEC)};
  }
  EXPECT_THROW(copy("/data"), Error);
  EXPECT_TRUE(fs::is_empty(top_ / "volume"));
}

// The tree is put together on /proc: below it, the image must not say what is bound.
TEST_F(CopyUp, WhatIsBoundIsTheHostsWhateverTheImageHasAtItsPath) {
  fs::create_directories(top_ / "secret/kernel");
  std::ofstream{top_ / "secret/kernel/file"} << "secret";
  fs::create_directory_symlink(top_ / "secret", top_ / "image/sys");
  const Mount image{"bind", (top_ / "image").string(), "", "", {"bind"}};
  const Mount place{"bind", "/proc/sys/kernel", "/bound", "", {"bind"}};
  const MountedTree tree{{image}, {place}};
  EXPECT_FALSE(open_in_root(tree.fd(), "/bound/file", O_PATH));
  EXPECT_TRUE(open_in_root(tree.fd(), "/bound/ostype", O_PATH));
}

TEST_F(CopyUp, MountsThatFailSayWhy) {
  const Mount broken{"bind", (top_ / "nothing").string(), "", "", {"bind"}};
  EXPECT_THROW(MountedTree{{broken}}, Error);
}

}  // namespace
}  // namespace gantry::volumes
