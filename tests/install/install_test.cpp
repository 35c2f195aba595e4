// gantryd, gantry and the conformance kit of an installed prefix, and drivers that were built against it.

#include <sys/stat.h>

#include <cstdlib>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

fs::path built_drivers() { return std::getenv("GANTRY_TEST_DRIVERS"); }

/// What `install -m 0644` does; gone at the end of the test.
class InstalledDriver {
 public:
  explicit InstalledDriver(const fs::path& file)
      : place_(program("gantryd").parent_path().parent_path() / "lib/gantry/plugins" / file.filename()) {
    fs::copy_file(file, place_, fs::copy_options::overwrite_existing);
    ::chmod(place_.c_str(), 0644);
  }
  ~InstalledDriver() { fs::remove(place_); }
  InstalledDriver(const InstalledDriver&) = delete;
  InstalledDriver& operator=(const InstalledDriver&) = delete;

 private:
  fs::path place_;
};

TEST(InstalledPrefix, RunsAContainer) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  const Result result =
      daemon.cli("run --rm -v data:/data --network bridge busybox sh -c 'echo hello >/data/x; cat /data/x'");
  EXPECT_EQ(result.line(), "hello") << result.err << daemon.log();
  const std::string exe = fs::read_symlink("/proc/" + std::to_string(daemon.pid()) + "/exe");
  EXPECT_EQ(exe, program("gantryd"));
  const std::string prefix = program("gantryd").parent_path().parent_path();
  EXPECT_THAT(daemon.cli("plugin inspect overlay").out, HasSubstr(prefix + "/lib/gantry/plugins/storage-overlay.so"));
  EXPECT_EQ(shell(program("gantryd").string() + " --validate --config-file " + daemon.config_file().string()).err,
            "configuration OK\n");
}

TEST(InstalledPrefix, TheDriverOfThePageWorksAsThePageSays) {
  const fs::path file = built_drivers() / "mine-build/my-driver.so";
  const Result kit =
      shell(program("gantry-driver-test").string() + " " + file.string(), {}, {}, std::chrono::seconds{120});
  EXPECT_EQ(kit.code, 0) << kit.out << kit.err;
  const InstalledDriver installed{file};
  Daemon daemon;
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  EXPECT_THAT(daemon.cli("plugin ls").out, HasSubstr("mine"));
  EXPECT_EQ(daemon.cli("volume create -d mine data").line(), "data");
  EXPECT_EQ(daemon.cli("run --rm -v data:/d busybox sh -c 'echo kept >/d/x'").code, 0);
  EXPECT_EQ(daemon.docker("run --rm -v data:/d busybox cat /d/x").line(), "kept");
  EXPECT_EQ(daemon.cli("volume inspect -f '{{.Driver}}' data").line(), "mine");
  daemon.kill(SIGTERM);
  daemon.write_config({{"driver-opts", {{"mine", {{"read-only", "true"}}}}}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const Result refused = daemon.cli("run --rm -v data:/d busybox sh -c 'echo more >/d/x'");
  EXPECT_THAT(refused.err, HasSubstr("Read-only file system"));
  EXPECT_EQ(daemon.cli("volume rm data").code, 0);
  daemon.kill(SIGTERM);
  daemon.write_config({{"driver-opts", {{"mine", {{"read-only", "perhaps"}}}}}});
  EXPECT_FALSE(daemon.start());
  EXPECT_THAT(daemon.log(),
              HasSubstr(daemon.config_file().string() +
                        R"(: volume driver "mine": option "read-only" is "perhaps", but must be true or false)"));
}

class SampleDriver : public ::testing::Test {
 protected:
  void use(const std::string& name, const json& config = json::object()) {
    installed_ = std::make_unique<InstalledDriver>(built_drivers() / "examples-build" / (name + ".so"));
    daemon_ = std::make_unique<Daemon>(config);
    ASSERT_TRUE(daemon_->start()) << daemon_->log();
    load_busybox(*daemon_);
  }
  void TearDown() override {
    if (HasFailure() && daemon_) ADD_FAILURE() << daemon_->log();
    daemon_.reset();
  }

  std::unique_ptr<InstalledDriver> installed_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(SampleDriver, Volume) {
  use("volume-directory");
  EXPECT_EQ(daemon_->cli("volume create -d directory data").code, 0);
  EXPECT_EQ(daemon_->cli("run --rm -v data:/d busybox sh -c 'echo kept >/d/x; cat /d/x'").line(), "kept");
}

TEST_F(SampleDriver, Storage) {
  use("storage-directory", {{"storage-driver", "directory"}});
  const Result result = daemon_->cli("run --rm busybox sh -c 'echo top >/x; cat /x'");
  EXPECT_EQ(result.line(), "top") << result.err;
  EXPECT_THAT(daemon_->docker("info -f '{{.Driver}}'").line(), "directory");
}

TEST_F(SampleDriver, Network) {
  use("network-dummy");
  const Result made = daemon_->cli("network create -d dummy -o color=red books");
  EXPECT_EQ(made.code, 0) << made.err;
  const Result result = daemon_->cli("run -d --name box --network books busybox sleep 1000");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(daemon_->inspect("box", "/NetworkSettings/Networks/books/IPAddress"), "10.99.0.2");
  EXPECT_EQ(daemon_->cli("rm -f box").code, 0);
  EXPECT_EQ(daemon_->cli("network rm books").code, 0);
}

TEST_F(SampleDriver, Ipam) {
  use("ipam-sequence");
  const Result made = daemon_->cli("network create --ipam-driver sequence row");
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(daemon_->cli("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' row").line(), "10.77.0.0/24");
  EXPECT_EQ(daemon_->cli("run -d --name box --network row busybox sleep 1000").code, 0);
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(daemon_->inspect("box", "/NetworkSettings/Networks/row/IPAddress"), "10.77.0.2");
  EXPECT_EQ(daemon_->cli("run --rm --network row busybox ping -c 1 -W 5 box").code, 0);
  EXPECT_EQ(daemon_->cli("rm -f box").code, 0);
  EXPECT_EQ(daemon_->cli("network rm row").code, 0);
}

TEST_F(SampleDriver, Runtime) {
  use("runtime-plain", {{"runtimes", {{"plain", {{"driver", "plain"}}}}}});
  const Result started = daemon_->cli("run -d --name box --runtime plain --network none busybox sh -c 'exit 3'");
  EXPECT_EQ(started.code, 0) << started.err;
  EXPECT_EQ(daemon_->cli("wait box").line(), "3");
  EXPECT_EQ(daemon_->cli("rm box").code, 0);
}

TEST_F(SampleDriver, Log) {
  use("log-text");
  const Result started =
      daemon_->cli("run -d --name box --log-driver text --log-opt prefix=- busybox sh -c 'echo hi; exec sleep 1000'");
  EXPECT_EQ(started.code, 0) << started.err;
  const auto reader = daemon_->background("logs -f box");
  EXPECT_TRUE(reader->wait_for("-hi")) << reader->output();
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(daemon_->docker("logs box").out, "-hi\n");
  EXPECT_EQ(daemon_->cli("rm -f box").code, 0);
}

TEST_F(SampleDriver, Registry) {
  const std::string images = built_drivers() / "images";
  use("registry-directory", {{"registry-driver", "directory"}, {"driver-opts", {{"directory", {{"root", images}}}}}});
  const Result pushed = daemon_->cli("tag busybox nowhere.example/team/box:1");
  EXPECT_EQ(pushed.code, 0) << pushed.err;
  EXPECT_EQ(daemon_->cli("push nowhere.example/team/box:1").code, 0);
  EXPECT_EQ(daemon_->cli("rmi nowhere.example/team/box:1 busybox").code, 0);
  EXPECT_EQ(daemon_->cli("run --rm nowhere.example/team/box:1 echo back").line(), "back");
  fs::remove_all(images);
}

}  // namespace
}  // namespace gantry::e2e
