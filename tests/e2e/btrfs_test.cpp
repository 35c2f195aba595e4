// The storage driver btrfs, on a filesystem of the test's own.

#include "engine.hpp"

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

}  // namespace
}  // namespace gantry::e2e
