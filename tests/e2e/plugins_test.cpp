// Drivers that are disabled, enabled and reloaded while containers run; Docker's API for its own plugins.

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// A daemon whose drivers' files are the test's own.
class Plugins : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon_ = std::make_unique<Daemon>();
    folder_ = daemon_->root() / "drivers";
    fs::create_directory(folder_);
    for (const auto& entry : fs::directory_iterator(GANTRY_BUILD_DIR "/lib/gantry/plugins")) {
      fs::copy(entry.path(), folder_ / entry.path().filename());
    }
    daemon_->write_config({{"plugin-dirs", {folder_.string()}}});
    ASSERT_TRUE(daemon_->start()) << daemon_->log();
    load_busybox(*daemon_);
  }
  void TearDown() override {
    if (HasFailure() && daemon_) ADD_FAILURE() << daemon_->log();
  }
  Result cli(const std::string& arguments) { return daemon_->cli(arguments); }
  /// As a package manager does it: another file under the old name.
  void update(const std::string& name, const std::string& from = {}) {
    fs::copy(from.empty() ? GANTRY_BUILD_DIR "/lib/gantry/plugins/" + name : from, folder_ / "new",
             fs::copy_options::overwrite_existing);
    fs::rename(folder_ / "new", folder_ / name);
  }

  std::unique_ptr<Daemon> daemon_;
  fs::path folder_;
};

TEST_F(Plugins, AreDisabledAndEnabled) {
  EXPECT_EQ(cli("plugin disable ipvlan").line(), "ipvlan");
  EXPECT_THAT(cli("network create -d ipvlan n").err, HasSubstr("plugin \"ipvlan\" not found (disabled"));
  EXPECT_THAT(cli("plugin disable ipvlan").err, HasSubstr("plugin ipvlan is already disabled"));
  EXPECT_EQ(cli("plugin inspect -f '{{.Enabled}}' ipvlan").line(), "false");
  EXPECT_THAT(cli("plugin ls").out, HasSubstr("ENABLED"));
  daemon_->kill(SIGTERM);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_THAT(cli("network create -d ipvlan n").err, HasSubstr("disabled")) << "it stays so";
  EXPECT_EQ(cli("plugin enable ipvlan").code, 0);
  EXPECT_THAT(cli("network create -d ipvlan -o parent=lo n").err, Not(HasSubstr("disabled")));
  EXPECT_THAT(cli("plugin enable ipvlan").err, HasSubstr("plugin ipvlan is already enabled"));
}

TEST_F(Plugins, AreEnabledFromTheirNewFiles) {
  EXPECT_EQ(cli("plugin disable ipvlan").code, 0);
  update("net-ipvlan.so", GANTRY_BUILD_DIR "/lib/gantry/plugins/log-local.so");
  EXPECT_THAT(cli("plugin enable ipvlan").err, HasSubstr("this is the log driver \"local\" now"));
  EXPECT_EQ(cli("plugin inspect -f '{{.Enabled}}' ipvlan").line(), "false");
  update("net-ipvlan.so");
  EXPECT_EQ(cli("plugin enable ipvlan").err, "");
  EXPECT_THAT(cli("network create -d ipvlan -o parent=lo n").err, Not(HasSubstr("disabled")));
}

TEST_F(Plugins, ThatCannotBeNotedAsEnabledStayDisabled) {
  EXPECT_EQ(cli("plugin disable ipvlan").code, 0);
  const fs::path noted = daemon_->data_root() / "drivers/disabled";
  fs::remove(noted);
  fs::create_directory(noted);
  EXPECT_NE(cli("plugin enable ipvlan").code, 0);
  EXPECT_EQ(cli("plugin inspect -f '{{.Enabled}}' ipvlan").line(), "false");
  EXPECT_THAT(cli("network create -d ipvlan n").err, HasSubstr("disabled"));
  fs::remove(noted);
  EXPECT_EQ(cli("plugin enable ipvlan").err, "");
}

TEST_F(Plugins, AreNotDisabledWhileTheyAreInUse) {
  EXPECT_THAT(cli("plugin disable bridge").err, HasSubstr("plugin bridge is in use by network bridge"));
  EXPECT_THAT(cli("plugin disable overlay").err, HasSubstr("in use"));
  EXPECT_THAT(cli("plugin disable native").err, HasSubstr("in use"));
  EXPECT_THAT(cli("plugin disable hub").err, HasSubstr("in use"));
  cli("volume create data");
  EXPECT_THAT(cli("plugin disable local").err, HasSubstr("ambiguous"));
  EXPECT_THAT(cli("plugin disable volume/local").err, HasSubstr("in use by volume data"));
  cli("create --name box9 --log-driver syslog --log-opt syslog-address=udp://127.0.0.1:9 busybox");
  EXPECT_THAT(cli("plugin disable syslog").err, HasSubstr("in use by container box9"));
  EXPECT_THAT(cli("plugin disable nosuch").err, HasSubstr("plugin \"nosuch\" not found"));
  cli("rm box9");
  EXPECT_EQ(cli("plugin disable syslog").code, 0);
  EXPECT_THAT(cli("run --log-driver syslog busybox true").err, HasSubstr("disabled"));
}

TEST_F(Plugins, AreReloadedWhileContainersRun) {
  cli("network create --subnet 10.66.0.0/24 lan");
  cli("volume create data");
  ASSERT_EQ(cli("run -d --name web --network lan -p 8099:80 -v data:/v busybox sh -c 'mkdir /www; echo served "
                ">/www/index.html; exec httpd -f -p 80 -h /www'")
                .code,
            0);
  const std::string pid = daemon_->inspect("web", "/State/Pid").dump();
  const std::string fetch = "curl -s --retry 30 --retry-connrefused --retry-delay 1 http://127.0.0.1:8099";
  ASSERT_EQ(shell(fetch).line(), "served");
  for (const char* name : {"bridge", "volume/local", "json-file", "hub", "dockerfile", "macvlan"}) {
    const Result reloaded = cli(std::string{"plugin reload "} + name);
    EXPECT_EQ(reloaded.code, 0) << name << reloaded.err;
  }
  EXPECT_EQ(daemon_->inspect("web", "/State/Pid").dump(), pid);
  EXPECT_EQ(shell(fetch).line(), "served");
  EXPECT_THAT(cli("run --rm --network lan busybox wget -q -O - http://web").out, HasSubstr("served"));
  EXPECT_THAT(cli("run --rm --network lan --ip 10.66.0.2 busybox true").err, HasSubstr("Address already in use"));
  EXPECT_EQ(cli("run --rm -v data:/v busybox touch /v/x").code, 0);
  EXPECT_EQ(cli("rm -f web").code, 0);
  EXPECT_EQ(cli("network rm lan").code, 0);
  EXPECT_EQ(shell("ip -o link | grep -c veth").line(), "0");
}

TEST_F(Plugins, AreReloadedFromTheirNewFiles) {
  update("log-json-file.so", GANTRY_BUILD_DIR "/lib/gantry/plugins/log-local.so");
  EXPECT_THAT(cli("plugin reload json-file").err, HasSubstr("this is the log driver \"local\" now"));
  std::ofstream{folder_ / "new"} << "not a driver";
  fs::rename(folder_ / "new", folder_ / "log-json-file.so");
  EXPECT_THAT(cli("plugin reload json-file").err, HasSubstr("not a shared object"));
  EXPECT_EQ(cli("run --rm busybox true").code, 0) << "the old one goes on";
  update("log-json-file.so");
  EXPECT_EQ(cli("plugin reload json-file").code, 0);
  EXPECT_EQ(cli("run --name box9 busybox echo logged").line(), "logged");
  EXPECT_EQ(cli("logs box9").line(), "logged");
  EXPECT_THAT(cli("plugin reload overlay").err, HasSubstr("takes over at the daemon's next start"));
  ASSERT_EQ(cli("run -d --name box busybox sleep 1000").code, 0);
  EXPECT_THAT(cli("plugin reload native").err, HasSubstr("in use by container box"));
  EXPECT_EQ(shell("ls -A " + (daemon_->exec_root() / "drivers").string() + " | grep -c so$").line(), "0");
}

// An object with several names stays one: its containers are found again under any of them.
TEST_F(Plugins, ARuntimeThatWasReloadedKeepsItsContainers) {
  EXPECT_EQ(cli("plugin reload native").code, 0);
  ASSERT_EQ(cli("run -d --name box --runtime runc busybox sleep 1000").code, 0);
  ASSERT_EQ(cli("run -d --name other busybox sleep 1000").code, 0);
  EXPECT_EQ(shell("ls " + (daemon_->exec_root() / "drivers").string() + " | grep -c ^runtime-").line(), "1");
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(cli("exec box echo here").line(), "here");
  EXPECT_EQ(cli("exec other echo here").line(), "here");
}

TEST_F(Plugins, OfTheFirstPluginApiWork) {
  daemon_->kill(SIGTERM);
  update("volume-directory.so", GANTRY_BUILD_DIR "/tests/fakes/first-api/good/first-api-volume_directory.so");
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(cli("volume create -d directory data").line(), "data");
  EXPECT_EQ(cli("run --rm -v data:/v busybox sh -c 'echo kept >/v/file'").code, 0);
  EXPECT_EQ(cli("run --rm -v data:/v busybox cat /v/file").line(), "kept");
  EXPECT_EQ(cli("plugin reload volume/directory").code, 0);
  EXPECT_EQ(cli("run --rm -v data:/v busybox cat /v/file").line(), "kept");
  EXPECT_EQ(cli("volume rm data").line(), "data");
}

TEST_F(Plugins, OfDockersAreAnsweredAsWithoutAny) {
  EXPECT_EQ(daemon_->api("GET", "/plugins").dump(), "[]");
  EXPECT_EQ(daemon_->status(), 200);
  daemon_->api("GET", "/plugins/x/json");
  EXPECT_EQ(daemon_->status(), 404);
  daemon_->api("POST", "/plugins/x/disable");
  EXPECT_EQ(daemon_->status(), 404);
  const auto info = daemon_->api("GET", "/info");
  for (const auto& name : info["Plugins"]["Network"]) EXPECT_NE(name, "plugin");
  for (const auto& name : info["Plugins"]["Volume"]) EXPECT_NE(name, "plugin");
  EXPECT_EQ(info["FirewallBackend"]["Driver"], "nftables");
  if (!have_docker_cli()) return;
  EXPECT_EQ(daemon_->docker("plugin ls -q").out, "");
  EXPECT_THAT(daemon_->docker("plugin inspect x").err,
              ::testing::AnyOf(HasSubstr("plugin \"x\" not found"), HasSubstr("No such plugin: x")));
}

TEST_F(Plugins, OfANetworkDisabledNeedNoBridge) {
  daemon_->kill(SIGTERM);
  daemon_->write_config({{"bridge", "none"}});
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(cli("network ls -q -f name=bridge").out, "");
  EXPECT_NE(shell("ip link show gantry0").code, 0);
  EXPECT_EQ(cli("run --rm busybox ip -o link").lines().size(), 1U) << "the loopback";
  cli("run -d --name alone busybox sleep 1000");
  EXPECT_EQ(cli("run --rm --link alone:x busybox echo linked").line(), "linked") << "as with dockerd, to nothing";
  cli("rm -f alone");
  cli("network create lan");
  EXPECT_EQ(cli("run --rm --network lan busybox ip -o link").lines().size(), 2U);
  daemon_->kill(SIGTERM);
  shell("ip link add br7 type bridge; ip addr add 10.88.0.1/24 dev br7; ip link set br7 up");
  daemon_->write_config({{"bridge", "br7"}});
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_THAT(cli("run --rm busybox ip -o addr show eth0").out, HasSubstr("10.88.0.2/24"));
  EXPECT_THAT(cli("run --rm busybox ip route").out, HasSubstr("default via 10.88.0.1"));
  EXPECT_EQ(cli("network inspect -f '{{index .Options \"com.docker.network.bridge.name\"}}' bridge").line(), "br7");
  daemon_->kill(SIGTERM);
  daemon_->write_config(nlohmann::json::object());
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_THAT(cli("run --rm busybox ip route").out, HasSubstr("default via 172.")) << "a subnet that is free now";
  EXPECT_EQ(shell("ip link show br7").code, 0) << "it was there, and stays";
}

}  // namespace
}  // namespace gantry::e2e
