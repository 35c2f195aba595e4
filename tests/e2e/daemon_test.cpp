// The daemon itself: its config, its drivers, switching between them, its sockets, its end.

#include <sys/stat.h>

#include <fstream>

#include "engine.hpp"
#include "registry.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(const json& config) {
  Daemon daemon{config};
  EXPECT_FALSE(daemon.start());
  return daemon.log();
}

TEST(DaemonConfig, WrongNamesAreRefusedWithTheValidOnes) {
  EXPECT_THAT(refusal({{"storage-driver", "nosuch"}}),
              ::testing::AllOf(HasSubstr("nosuch"), HasSubstr("overlay"), HasSubstr("vfs")));
  EXPECT_THAT(refusal({{"storage-opts", {"nosuch=1"}}}), HasSubstr("nosuch"));
  EXPECT_THAT(refusal({{"default-runtime", "nosuch"}}), ::testing::AllOf(HasSubstr("nosuch"), HasSubstr("native")));
  EXPECT_THAT(refusal({{"no-such-key", true}}), HasSubstr("no-such-key"));
  EXPECT_THAT(refusal({{"debug", "yes"}}), HasSubstr("debug"));
}

TEST(DaemonConfig, IsValidatedWithoutAStart) {
  Daemon daemon;
  const auto validate = [&](const std::string& flags) {
    return shell(program("gantryd").string() + " --validate --config-file " + daemon.config_file().string() + flags);
  };
  EXPECT_EQ(validate("").err, "configuration OK\n");
  EXPECT_EQ(validate("").code, 0);
  EXPECT_FALSE(std::filesystem::exists(daemon.data_root() / "state.db"));
  const std::string refused = "unable to configure the daemon with file " + daemon.config_file().string() + ": ";
  daemon.write_config({{"debug", true}});
  EXPECT_EQ(validate(" --debug").err,
            refused +
                "the following directives are specified both as a flag and in the configuration file: debug: "
                "(from flag: true, from file: true)\n");
  daemon.write_config({{"storage-driver", "nosuch"}});
  EXPECT_THAT(
      validate("").err,
      HasSubstr(refused + "storage-driver: there is no storage driver \"nosuch\"; there are: btrfs, overlay, vfs"));
  daemon.write_config({{"driver-opts", {{"bridge", {{"colour", "red"}}}}}});
  EXPECT_THAT(validate("").err,
              HasSubstr(refused + "network driver \"bridge\" has no option \"colour\"; it takes bip"));
  daemon.write_config({{"runtimes", {{"mine", {{"driver", "native"}, {"options", {{"colour", "red"}}}}}}}});
  EXPECT_THAT(validate("").err, HasSubstr("runtime \"mine\": runtime driver \"native\" has no option \"colour\""));
  daemon.write_config({{"seccomp-profile", "/no/such/file"}});
  EXPECT_THAT(validate("").err, HasSubstr("opening seccomp profile (/no/such/file) failed"));
  EXPECT_EQ(validate(" --nosuch").err, "unknown flag: --nosuch\nSee 'gantryd --help'.\n");
  EXPECT_EQ(validate(" --nosuch").code, 1);
}

TEST(DaemonConfig, PublishesOnTheAddressThatIpNames) {
  Daemon daemon{{{"ip", "127.0.0.1"}}};
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  ASSERT_EQ(daemon.cli("run -d --name web -p 8080:80 busybox sleep 1000").code, 0);
  EXPECT_EQ(daemon.docker("port web 80").line(), "127.0.0.1:8080");
}

TEST(DaemonConfig, MalformedFilesAreRefused) {
  Daemon daemon;
  std::ofstream{daemon.config_file()} << "{ \"debug\": ";
  EXPECT_FALSE(daemon.start());
  EXPECT_THAT(daemon.log(), HasSubstr("daemon.json"));
}

TEST(DaemonConfig, ASecondDaemonOnTheSameDataIsRefused) {
  Daemon first;
  ASSERT_TRUE(first.start()) << first.log();
  EXPECT_THAT(refusal({{"data-root", first.data_root().string()}}), HasSubstr(first.data_root().string()));
}

// It would take the first one's containers for those of a daemon that was killed.
TEST(DaemonConfig, ASecondDaemonOnTheSameExecRootIsRefused) {
  Daemon first;
  ASSERT_TRUE(first.start()) << first.log();
  EXPECT_THAT(refusal({{"exec-root", first.exec_root().string()}}),
              AllOf(HasSubstr("the exec root " + first.exec_root().string() + " is in use by another gantryd (pid "),
                    HasSubstr("--exec-root")));
}

TEST(DaemonConfig, AGroupThatThereIsNotIsRefused) {
  EXPECT_THAT(refusal({{"group", "nonesuch"}}), HasSubstr("group nonesuch not found"));
  Daemon daemon{{{"group", "12345"}}};
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_EQ(shell("stat -c '%g %a' " + daemon.socket().string()).line(), "12345 660");
}

TEST(DaemonConfig, TakesDockersNameOfOverlay) {
  Daemon daemon{{{"storage-driver", "overlay2"}}};
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_EQ(daemon.docker("info -f '{{.Driver}}'").line(), "overlay");
}

TEST(Drivers, AreListed) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const std::string list = daemon.cli("plugin ls").out;
  for (const char* name : {"overlay", "vfs", "bridge", "host", "local", "native", "hub"})
    EXPECT_THAT(list, HasSubstr(name));
  const std::string one = daemon.cli("plugin inspect overlay").out;
  EXPECT_THAT(one, HasSubstr("storage-overlay.so"));
  EXPECT_THAT(daemon.docker("info").out, HasSubstr("Storage Driver: overlay"));
}

TEST(Drivers, SwitchingStorageKeepsImagesUsable) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  EXPECT_EQ(daemon.cli("run --rm busybox echo overlay").line(), "overlay");
  daemon.kill(SIGTERM);
  daemon.write_config({{"storage-driver", "vfs"}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const Result vfs = daemon.cli("run --rm busybox echo vfs");
  EXPECT_EQ(vfs.line(), "vfs") << vfs.err;
  daemon.kill(SIGTERM);
  daemon.write_config(json::object());
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_EQ(daemon.cli("run --rm busybox echo again").line(), "again");
}

TEST(Drivers, ABrokenFileDoesNotStopTheDaemon) {
  Daemon daemon;
  const std::filesystem::path folder = daemon.root() / "plugins";
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "garbage.so"} << "not a library";
  ::chmod((folder / "garbage.so").c_str(), 0644);
  daemon.write_config(
      {{"plugin-dirs", {(std::filesystem::path{GANTRY_BUILD_DIR} / "lib/gantry/plugins").string(), folder.string()}}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_THAT(daemon.cli("plugin ls").out, HasSubstr("garbage.so"));
}

TEST(DaemonSockets, SpeakTlsWithClientCertificates) {
  Registry certificates{{.tls = true, .password = false, .port = 5999}};  // for its CA and the certificate of localhost
  const std::string folder = certificates.root().string();
  Daemon daemon;
  daemon.write_config({{"hosts", {daemon.host(), "tcp://0.0.0.0:2376"}},
                       {"tlsverify", true},
                       {"tlscacert", folder + "/ca.crt"},
                       {"tlscert", folder + "/server.crt"},
                       {"tlskey", folder + "/server.key"}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const std::string with =
      " --cacert " + folder + "/ca.crt --cert " + folder + "/server.crt --key " + folder + "/server.key";
  EXPECT_EQ(shell("curl -s" + with + " https://localhost:2376/_ping").out, "OK");
  EXPECT_NE(shell("curl -s --cacert " + folder + "/ca.crt https://localhost:2376/_ping").code, 0);
  EXPECT_NE(shell("curl -s http://localhost:2376/_ping").out, "OK");
  shell("cd " + folder + " && cp ca.crt ca.pem && cp server.crt cert.pem && cp server.key key.pem");
  const Result version =
      shell(program("gantry").string() + " -H tcp://localhost:2376 --tlsverify --tlscacert " + folder +
            "/ca.crt --tlscert " + folder + "/server.crt --tlskey " + folder + "/server.key version");
  EXPECT_EQ(version.code, 0) << version.err;

  // A container is hung up on, whatever certificate it has come by.
  load_busybox(daemon);
  ASSERT_EQ(daemon.cli("run -d --name inside busybox sleep 100").code, 0);
  const std::string gateway = daemon.inspect("inside", "/NetworkSettings/Networks/bridge/Gateway");
  const std::string asked = "curl -s" + with + " --resolve localhost:2376:" + gateway + " https://localhost:2376/_ping";
  EXPECT_EQ(shell(asked).out, "OK");
  const Result refused = shell("nsenter --target " + daemon.inspect("inside", "/State/Pid").dump() + " --net " + asked);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.code, ::testing::AnyOf(35, 52, 56)) << "no handshake, or no answer";
}

/// What a container gets that asks for the API at its gateway.
std::string asked_from_inside(Daemon& daemon, const std::string& flags, const std::string& gateway,
                              const std::string& before = {}) {
  return daemon
      .cli("run --rm " + flags + " busybox sh -c '" + before + " printf \"GET /_ping HTTP/1.0\\r\\n\\r\\n\" | nc " +
           gateway + " 2375'")
      .out;
}

TEST(DaemonSockets, ServeNoContainerUnlessAsked) {
  Daemon daemon;
  for (const bool allowed : {false, true}) {
    daemon.write_config(
        {{"hosts", {daemon.host(), "tcp://[::]:2375"}}, {"tls", false}, {"api-for-containers", allowed}});
    ASSERT_TRUE(daemon.start()) << daemon.log();
    load_busybox(daemon);
    daemon.cli(
        "network create --subnet 10.77.0.0/24 --gateway 10.77.0.1 --ipv6 --subnet fd77::/64 --gateway fd77::1 six");
    const auto answer = allowed ? HasSubstr("\r\n\r\nOK") : HasSubstr("403 Forbidden");
    EXPECT_THAT(asked_from_inside(daemon, "", "$(ip route | sed -n \"s/default via //p\" | cut -d\" \" -f1)"), answer);
    EXPECT_THAT(asked_from_inside(daemon, "--network six", "10.77.0.1"), answer);
    EXPECT_THAT(asked_from_inside(daemon, "--network six", "fd77::1"), answer);
    // From an address that nobody gave it.
    EXPECT_THAT(asked_from_inside(daemon, "--network six --cap-add NET_ADMIN", "10.77.0.1",
                                  "ip addr flush dev eth0; ip addr add 10.77.0.200/24 dev eth0;"),
                answer);
    EXPECT_EQ(shell("curl -s http://127.0.0.1:2375/_ping").out, "OK");
    EXPECT_EQ(shell("curl -s http://10.77.0.1:2375/_ping").out, "OK");
    daemon.kill(SIGTERM);
  }
}

TEST(DaemonSockets, NegotiateVersions) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start()) << daemon.log();
  daemon.api("GET", "/v1.24/version");
  EXPECT_EQ(daemon.status(), 200);
  const json old = daemon.api("GET", "/v1.12/version");
  EXPECT_EQ(daemon.status(), 400);
  EXPECT_THAT(old["message"].get<std::string>(), HasSubstr("client version 1.12 is too old"));
  daemon.api("GET", "/v1.999/version");
  EXPECT_EQ(daemon.status(), 400);
  daemon.api("GET", "/no/such/page");
  EXPECT_EQ(daemon.status(), 404);
  daemon.api("POST", "/containers/create", "{ not json");
  EXPECT_EQ(daemon.status(), 400);
}

TEST(DaemonReload, ReadsTheConfigAgainOnHangup) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_EQ(daemon.api("GET", "/info")["Labels"], json::array());
  daemon.write_config({{"labels", {"site=north"}}});
  const auto events = daemon.background("events --since 1h --filter type=daemon");
  ::kill(daemon.pid(), SIGHUP);
  EXPECT_TRUE(events->wait_for("reload")) << events->output() << daemon.log();
  EXPECT_EQ(daemon.api("GET", "/info")["Labels"], json({"site=north"}));
}

}  // namespace
}  // namespace gantry::e2e
