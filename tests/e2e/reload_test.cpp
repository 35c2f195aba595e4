// What an operator changes while the daemon runs: daemon.json and SIGHUP, certificates.

#include <filesystem>
#include <fstream>

#include "address.hpp"
#include "engine.hpp"
#include "registry.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Reload : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.log();
    log_ =
        std::make_unique<Background>("exec tail -n +1 -F " + (daemon_.root() / "log").string(), Environment{}, false);
  }
  void TearDown() override {
    if (HasFailure()) ADD_FAILURE() << daemon_.log();
  }

  void reload(const json& config, const std::string& answer = "info: reloaded ") {
    daemon_.write_config(config);
    ::kill(daemon_.pid(), SIGHUP);
    EXPECT_TRUE(log_->wait_for(answer));
  }

  Daemon daemon_;
  std::unique_ptr<Background> log_;
};

TEST_F(Reload, TakesOverTheKeysThatDockerdTakesOver) {
  const auto events = daemon_.background("events --since 1h --filter type=daemon");
  reload({{"labels", {"site=north"}},
          {"insecure-registries", {"10.5.0.0/16", "box.example:5000"}},
          {"registry-mirrors", {"https://mirror.example"}},
          {"live-restore", true},
          {"default-runtime", "second"},
          {"runtimes", {{"second", {{"driver", "native"}}}}},
          {"max-concurrent-uploads", 1},
          {"max-concurrent-downloads", 20},
          {"mtu", 1400}});
  EXPECT_TRUE(events->wait_for("max-concurrent-downloads=20")) << events->output();
  const json info = daemon_.api("GET", "/info");
  EXPECT_EQ(info["Labels"], json({"site=north"}));
  EXPECT_EQ(info["LiveRestoreEnabled"], true);
  EXPECT_EQ(info["DefaultRuntime"], "second");
  EXPECT_EQ(info["RegistryConfig"]["Mirrors"], json({"https://mirror.example/"}));
  EXPECT_TRUE(info["RegistryConfig"]["IndexConfigs"].contains("box.example:5000")) << info["RegistryConfig"];
  EXPECT_THAT(daemon_.log(), HasSubstr(R"(reload: labels: [] -> ["site=north"])"));
  EXPECT_THAT(daemon_.log(), HasSubstr("warning: reload: mtu holds from the daemon's next start"));
  load_busybox(daemon_);
  EXPECT_EQ(daemon_.cli("run --rm busybox echo by the second").line(), "by the second");
  reload(json::object());
  EXPECT_EQ(daemon_.api("GET", "/info")["Labels"], json::array());
}

TEST_F(Reload, HandsTheRegistryDriverItsNewMirrors) {
  Registry mirror{{}};
  mirror.push(busybox_layout(2), "library/tool:1.0");
  EXPECT_NE(daemon_.cli("pull -q tool:1.0").code, 0);
  reload({{"registry-mirrors", {"http://" + mirror.host()}}});
  const Result pulled = daemon_.docker("pull -q tool:1.0");
  EXPECT_EQ(pulled.line(), "docker.io/library/tool:1.0") << pulled.err;
  EXPECT_EQ(daemon_.api("GET", "/info")["RegistryConfig"]["Mirrors"], json({"http://" + mirror.host() + "/"}));
  reload({{"registry-mirrors", {"quay.example=http://" + mirror.host() + "/library"}}});
  EXPECT_EQ(daemon_.cli("pull -q quay.example/tool:1.0").line(), "quay.example/tool:1.0");
  EXPECT_EQ(daemon_.api("GET", "/info")["RegistryConfig"]["Mirrors"], nullptr);
}

TEST_F(Reload, HandsTheRegistryDriverItsNewInsecureRegistries) {
  const Address address{"10.5.0.1"};
  Registry::Options options;
  options.address = address.text();
  Registry registry{options};
  registry.push(busybox_layout(2), "box");
  EXPECT_THAT(daemon_.cli("pull -q 10.5.0.1:5000/box").err, HasSubstr("server gave HTTP response to HTTPS client"));
  reload({{"insecure-registries", {"10.5.0.0/16"}}});
  EXPECT_EQ(daemon_.cli("pull -q 10.5.0.1:5000/box").code, 0);
  reload(json::object());
  EXPECT_NE(daemon_.cli("pull -q 10.5.0.1:5000/box").code, 0);
}

TEST_F(Reload, TakesANewLimitOfUploads) {
  Registry registry{{}};
  registry.push(busybox_layout(6), "many");
  ASSERT_EQ(daemon_.cli("pull -q localhost:5000/many").code, 0);
  for (const int uploads : {1, 8}) {
    reload({{"max-concurrent-uploads", uploads}});
    const std::string name = "localhost:5000/copy" + std::to_string(uploads);
    ASSERT_EQ(daemon_.cli("tag localhost:5000/many " + name).code, 0);
    const Result pushed = daemon_.docker("push " + name);
    EXPECT_EQ(pushed.code, 0) << pushed.err;
    EXPECT_THAT(pushed.out, HasSubstr("latest: digest: sha256:"));
  }
}

TEST_F(Reload, OfABadFileLeavesTheOldConfigInForce) {
  reload({{"labels", {"site=north"}}});
  const std::string refused = "error: reload: nothing was changed: unable to configure the daemon with file " +
                              daemon_.config_file().string() + ": ";
  reload({{"labels", {"site=south"}}, {"insecure-registries", {""}}}, refused + "insecure registry \"\" is not valid");
  reload({{"labels", {"site=south"}}, {"no-such-key", 1}}, refused + "the following directives don't match");
  reload({{"labels", {"site=south"}}, {"runtimes", {{"x", {{"driver", "nosuch"}}}}}},
         "error: reload: nothing was changed: runtime \"x\": runtimes: there is no runtime driver \"nosuch\"");
  daemon_.write_config(json::object());
  std::ofstream{daemon_.config_file(), std::ios::app} << "}";
  ::kill(daemon_.pid(), SIGHUP);
  EXPECT_TRUE(log_->wait_for(refused));
  EXPECT_EQ(daemon_.api("GET", "/info")["Labels"], json({"site=north"}));
}

// What a change of drivers that has begun puts into its place is made by the config that was there then.
TEST_F(Reload, WaitsForADriverThatIsBeingReplaced) {
  namespace fs = std::filesystem;
  const fs::path drivers = daemon_.root() / "drivers";
  fs::copy(GANTRY_BUILD_DIR "/lib/gantry/plugins", drivers);
  fs::copy(GANTRY_BUILD_DIR "/tests/fakes/drivers/fake-volume.so", drivers / "fake-volume.so");
  daemon_.kill(SIGTERM);
  daemon_.write_config({{"plugin-dirs", {drivers.string()}}});
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  const fs::path data = daemon_.data_root() / "drivers/volume-fake";
  std::ofstream{data / "failpoints"} << "open=hang\n";
  const auto replacing = daemon_.background("plugin reload fake");
  Background calls{"exec tail -n +1 -F " + (data / "calls").string(), Environment{}, false};
  for (int opened = 0; opened < 2; ++opened) ASSERT_TRUE(calls.wait_for("open\n")) << calls.output();
  daemon_.write_config({{"plugin-dirs", {drivers.string()}}, {"labels", {"site=north"}}});
  ::kill(daemon_.pid(), SIGHUP);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(daemon_.api("GET", "/info")["Labels"], json::array());
  std::ofstream{data / "release"};
  EXPECT_EQ(replacing->wait(), 0) << replacing->output();
  EXPECT_TRUE(log_->wait_for("info: reloaded "));
  EXPECT_EQ(daemon_.api("GET", "/info")["Labels"], json({"site=north"}));
  EXPECT_LT(daemon_.log().find("takes over from"), daemon_.log().find("info: reloaded "));
}

TEST_F(Reload, OpensDriversBesideTheEventLoop) {
  namespace fs = std::filesystem;
  const fs::path drivers = daemon_.root() / "drivers";
  fs::copy(GANTRY_BUILD_DIR "/lib/gantry/plugins", drivers);
  fs::copy(GANTRY_BUILD_DIR "/tests/fakes/drivers/fake-runtime.so", drivers / "fake-runtime.so");
  daemon_.kill(SIGTERM);
  const json config{{"plugin-dirs", {drivers.string()}}};
  daemon_.write_config(config);
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  const fs::path data = daemon_.data_root() / "drivers/runtime-slow";
  fs::create_directories(data);
  std::ofstream{data / "failpoints"} << "open=hang\n";
  json changed = config;
  changed["runtimes"] = {{"slow", {{"driver", "fake"}}}};
  changed["labels"] = {"site=north"};
  daemon_.write_config(changed);
  ::kill(daemon_.pid(), SIGHUP);
  Background calls{"exec tail -n +1 -F " + (data / "calls").string(), Environment{}, false};
  ASSERT_TRUE(calls.wait_for("open\n")) << calls.output();
  EXPECT_EQ(daemon_.api("GET", "/info")["Labels"], json::array()) << "it answers, and all or nothing is changed";
  EXPECT_FALSE(daemon_.api("GET", "/info")["Runtimes"].contains("slow"));
  std::ofstream{data / "release"};
  EXPECT_TRUE(log_->wait_for("info: reloaded "));
  EXPECT_EQ(daemon_.api("GET", "/info")["Labels"], json({"site=north"}));
  EXPECT_TRUE(daemon_.api("GET", "/info")["Runtimes"].contains("slow"));
}

// An operator who puts certificates into certs.d restarts nothing.
TEST(CertificatesFolder, IsReadAtTheNextPull) {
  const Address address{"10.5.0.2"};
  Registry::Options options;
  options.address = address.text();
  options.tls = true;
  options.client_certificate = true;
  Registry registry{options};
  registry.push(busybox_layout(2), "safe");
  Daemon daemon;
  const std::filesystem::path folder = daemon.root() / "certs.d" / registry.host();
  daemon.write_config({{"certs-dirs", {(daemon.root() / "certs.d").string()}}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const std::string pull = "pull -q " + registry.host() + "/safe";
  EXPECT_THAT(daemon.cli(pull).err, HasSubstr("tls: failed to verify certificate"));
  std::filesystem::create_directories(folder);
  std::filesystem::copy(registry.certificates() / "ca.crt", folder / "ca.crt");
  EXPECT_THAT(daemon.cli(pull).err, HasSubstr("remote error: tls"));  // it wants to know who asks
  std::filesystem::copy(registry.certificates() / "client.cert", folder / "client.cert");
  EXPECT_THAT(daemon.cli(pull).err, HasSubstr("missing key client.key for client certificate client.cert"));
  std::filesystem::copy(registry.certificates() / "client.key", folder / "client.key");
  const Result pulled = daemon.docker(pull);
  EXPECT_EQ(pulled.line(), registry.host() + "/safe:latest") << pulled.err;
  std::filesystem::remove_all(folder);
  daemon.cli("rmi " + registry.host() + "/safe");
  EXPECT_THAT(daemon.cli(pull).err, HasSubstr("tls: failed to verify certificate"));
}

}  // namespace
}  // namespace gantry::e2e
