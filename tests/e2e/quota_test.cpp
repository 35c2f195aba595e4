// Limits of what volumes and containers take up, on a filesystem of the test's own.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class Quota : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string{GetParam()} == "docker" && !have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
  }
  void TearDown() override {
    if (!daemon_) return;
    const std::string data = daemon_->data_root();
    if (started_) {
      daemon_->kill(SIGTERM);
      daemon_->wait();
    }
    daemon_.reset();
    shell("umount " + data + " " + data);
  }

  /// A daemon whose data root is an ext4 on a loop device. False: there are none.
  bool start(const std::string& features, const std::string& options, const json& config = json::object()) {
    daemon_ = std::make_unique<Daemon>(config);
    const std::string image = daemon_->root() / "image";
    const Result mounted = shell("mkdir -p " + daemon_->data_root().string() + " && truncate -s 256M " + image +
                                 " && mkfs.ext4 -q " + features + " " + image + " && mount -o loop" + options + " " +
                                 image + " " + daemon_->data_root().string());
    if (mounted.code != 0) return false;
    started_ = daemon_->start();
    if (started_) load_busybox(*daemon_);
    return true;
  }
  Result run(const std::string& arguments) {
    return std::string{GetParam()} == "docker" ? daemon_->docker(arguments) : daemon_->cli(arguments);
  }

  std::unique_ptr<Daemon> daemon_;
  bool started_ = false;
};
INSTANTIATE_TEST_SUITE_P(By, Quota, ::testing::Values("gantry", "docker"), client_name);

constexpr const char* kFeatures = "-O quota,project -E quotatype=prjquota";

TEST_P(Quota, LimitsVolumesAndContainers) {
  if (!start(kFeatures, ",prjquota")) GTEST_SKIP() << "no ext4 with project quotas here";
  ASSERT_TRUE(started_) << daemon_->log();
  EXPECT_EQ(run("volume create -o size=4m small").line(), "small");
  const std::string write = " busybox dd if=/dev/zero bs=1M count=8 of=";
  const auto full = AnyOf(HasSubstr("quota exceeded"), HasSubstr("No space left"));
  EXPECT_THAT(run("run --rm -v small:/v" + write + "/v/file").err, full);
  EXPECT_EQ(daemon_->cli("volume clone small other").code, 0);
  EXPECT_THAT(run("run --rm -v other:/v" + write + "/v/more").err, full) << "a copy has the limit, too";
  EXPECT_EQ(run("run --rm" + write + "/file").code, 0);
  EXPECT_THAT(run("run --rm --storage-opt size=4m" + write + "/file").err, full);
  EXPECT_EQ(run("run --rm --storage-opt size=4m busybox sh -c 'echo x >/x; rm /bin/httpd; mv /x /y; cat /y'").line(),
            "x");
  EXPECT_EQ(run("volume rm small other").code, 0);
}

TEST_P(Quota, ADefaultLimitsAllContainers) {
  if (!start(kFeatures, ",prjquota", {{"storage-opts", {"overlay2.size=4m"}}}))
    GTEST_SKIP() << "no project quotas here";
  ASSERT_TRUE(started_) << daemon_->log();
  EXPECT_NE(run("run --rm busybox dd if=/dev/zero bs=1M count=8 of=/file").code, 0);
  EXPECT_EQ(run("run --rm --storage-opt size=16m busybox dd if=/dev/zero bs=1M count=8 of=/file").code, 0);
}

TEST_P(Quota, IsRefusedWhereNobodyObeysIt) {
  if (!start("", "")) GTEST_SKIP() << "no loop devices here";
  ASSERT_TRUE(started_) << daemon_->log();
  EXPECT_THAT(run("volume create -o size=4m small").err, HasSubstr("quota size requested but no quota support"));
  EXPECT_THAT(run("volume create -o size=much small").err, HasSubstr("invalid size: 'much'"));
  EXPECT_EQ(run("volume ls -q").out, "");
  EXPECT_THAT(run("run --rm --storage-opt size=4m busybox true").err,
              HasSubstr("--storage-opt is supported only for overlay over xfs with 'pquota' mount option"));
  EXPECT_EQ(run("ps -aq").out, "");
}

}  // namespace
}  // namespace gantry::e2e
