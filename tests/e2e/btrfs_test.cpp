// The storage driver btrfs, on a filesystem of the test's own.

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <fstream>
#include <vector>

#include "engine.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

class Btrfs : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string{GetParam()} == "docker" && !have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
    daemon_ = std::make_unique<Daemon>(nlohmann::json{{"storage-driver", "btrfs"}});
    const std::string image = daemon_->root() / "image";
    const std::string data = daemon_->data_root();
    const Result mounted = shell("mkdir -p " + data + " && truncate -s 512M " + image + " && mkfs.btrfs -q " + image +
                                 " && mount -o loop " + image + " " + data);
    if (mounted.code != 0) GTEST_SKIP() << "no btrfs on a loop device here";
    ASSERT_TRUE(daemon_->start()) << daemon_->log();
    started_ = true;
    load_busybox(*daemon_);
  }
  void TearDown() override {
    if (!daemon_) return;
    if (HasFailure()) ADD_FAILURE() << daemon_->log();
    const std::string data = daemon_->data_root();
    if (started_) {
      daemon_->kill(SIGTERM);
      daemon_->wait();
    }
    daemon_.reset();
    shell("umount " + data + " " + data);
  }
  Result run(const std::string& arguments) {
    return std::string{GetParam()} == "docker" ? daemon_->docker(arguments) : daemon_->cli(arguments);
  }
  std::string volumes() { return shell("ls " + (daemon_->data_root() / "drivers/storage-btrfs/tops").string()).out; }

  std::unique_ptr<Daemon> daemon_;
  bool started_ = false;
};
INSTANTIATE_TEST_SUITE_P(By, Btrfs, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Btrfs, KeepsContainersAsSnapshots) {
  EXPECT_EQ(run("info -f '{{.Driver}}'").line(), "btrfs");
  EXPECT_EQ(run("run --name box busybox sh -c 'echo mine >/file; rm /bin/httpd'").code, 0);
  const std::string changes = run("diff box").out;
  EXPECT_THAT(changes, HasSubstr("A /file"));
  EXPECT_THAT(changes, HasSubstr("D /bin/httpd"));
  EXPECT_EQ(run("commit box changed").code, 0);
  EXPECT_EQ(run("run --rm changed cat /file").line(), "mine");
  EXPECT_NE(run("run --rm changed ls /bin/httpd").code, 0);
  EXPECT_EQ(run("run --rm busybox ls /bin/httpd").line(), "/bin/httpd");
  run("rm box");
  EXPECT_EQ(volumes(), "");
  EXPECT_EQ(run("rmi changed busybox").code, 0);
}

TEST_P(Btrfs, IsTakenUpAgain) {
  run("run -d --name box busybox sh -c 'echo mine >/file; exec sleep 1000'");
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(run("exec box cat /file").line(), "mine");
  EXPECT_EQ(run("rm -f box").code, 0);
  EXPECT_EQ(volumes(), "");
}

/// How many of a file's extents another file has as well, and how many it has in all.
std::pair<int, int> shared_extents(const std::string& file) {
  constexpr std::size_t kMost = 64;
  std::vector<std::uint64_t> room((sizeof(fiemap) + kMost * sizeof(fiemap_extent)) / sizeof(std::uint64_t) + 1);
  auto* map = reinterpret_cast<fiemap*>(room.data());
  map->fm_length = FIEMAP_MAX_OFFSET;
  map->fm_flags = FIEMAP_FLAG_SYNC;
  map->fm_extent_count = kMost;
  const UniqueFd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (::ioctl(opened.get(), FS_IOC_FIEMAP, map) != 0) return {-1, -1};
  int shared = 0;
  for (unsigned at = 0; at < map->fm_mapped_extents; ++at) {
    if ((map->fm_extents[at].fe_flags & FIEMAP_EXTENT_SHARED) != 0) ++shared;
  }
  return {shared, static_cast<int>(map->fm_mapped_extents)};
}

TEST_P(Btrfs, ClonesOfVolumesShareTheirContent) {
  run("volume create data");
  const auto place = [&](const std::string& volume) {
    return run("volume inspect -f '{{.Mountpoint}}' " + volume).line() + "/file";
  };
  shell("dd if=/dev/urandom of=" + place("data") + " bs=1M count=4 2>/dev/null; sync -f " + place("data"));
  const auto alone = shared_extents(place("data"));
  EXPECT_EQ(alone.first, 0);
  ASSERT_GT(alone.second, 0);
  ASSERT_EQ(daemon_->cli("volume clone data copy").line(), "copy");
  for (const char* volume : {"data", "copy"}) {
    const auto [shared, all] = shared_extents(place(volume));
    EXPECT_EQ(shared, all) << volume;
    EXPECT_GT(all, 0) << volume;
  }
  EXPECT_EQ(shell("cmp " + place("data") + " " + place("copy")).code, 0);
  // What is written is the copy's own, the rest stays shared.
  run("run --rm -v copy:/v busybox dd if=/dev/zero of=/v/file bs=64k count=1 conv=notrunc");
  const auto [shared, all] = shared_extents(place("copy"));
  EXPECT_GT(shared, 0);
  EXPECT_LT(shared, all);
  EXPECT_NE(shell("cmp " + place("data") + " " + place("copy")).code, 0);
  run("volume rm data copy");
}

}  // namespace
}  // namespace gantry::e2e
