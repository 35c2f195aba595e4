#include "daemon/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.hpp"
#include "base/id.hpp"
#include "daemon/driver_config.hpp"
#include "daemon/options.hpp"
#include "daemon/pid_file.hpp"
#include "daemon/proxies.hpp"
#include "daemon/reload.hpp"

namespace gantry::daemon {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() : file_(std::filesystem::temp_directory_path() / ("gantry-" + random_id().substr(0, 12) + ".json")) {}
  ~ConfigTest() override { std::filesystem::remove(file_); }

  Config read(const std::string& content, Config config = {}) {
    write_file_atomically(file_, content);
    return load_config(config, file_, true);
  }

  std::string refusal(const std::string& content, Config config = {}) {
    try {
      read(content, std::move(config));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  std::filesystem::path file_;
};

std::optional<int> parse(std::vector<std::string> arguments, CommandLine& out) {
  arguments.insert(arguments.begin(), "gantryd");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  return parse_command_line(static_cast<int>(pointers.size()), pointers.data(), out);
}

TEST_F(ConfigTest, PassesOverWhatOnlyDockerdHasUnlessItWouldMatter) {
  const Config config = read(R"({
    "exec-opts": ["native.cgroupdriver=systemd"], "features": {"buildkit": true}, "selinux-enabled": false,
    "metrics-addr": null, "mtu": null, "storage-driver": "overlay2", "debug": true})");
  EXPECT_THAT(config.foreign, ElementsAre("exec-opts", "features", "metrics-addr", "selinux-enabled"));
  EXPECT_EQ(config.mtu, Config{}.mtu);
  EXPECT_EQ(config.storage_driver, "overlay");
  EXPECT_TRUE(config.debug);
  EXPECT_THAT(refusal(R"({"selinux-enabled": true})"),
              HasSubstr("selinux-enabled is true, but this engine has false only"));
  EXPECT_THAT(refusal(R"({"authorization-plugins": ["opa"]})"),
              HasSubstr(R"(authorization-plugins is ["opa"], but this engine has [] only)"));
  EXPECT_THAT(refusal(R"({"exec-opt": []})"), HasSubstr("don't match any configuration option: exec-opt"));
}

TEST_F(ConfigTest, ReadsDockerdsKeys) {
  const Config config = read(R"({
    "hosts": ["unix:///tmp/a.sock", "tcp://127.0.0.1:1"], "debug": true, "mtu": 1400, "labels": ["a=b"],
    "default-address-pools": [{"base": "10.9.0.0/16", "size": 24}],
    "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 32000}},
    "log-opts": {"max-size": "10m", "max-file": 3}, "default-shm-size": "128M",
    "runtimes": {"kata": {"driver": "native", "options": {"cgroup-parent": "x"}}},
    "driver-opts": {"bridge": {"mtu": 1300}}})");
  EXPECT_THAT(config.hosts, ElementsAre("unix:///tmp/a.sock", "tcp://127.0.0.1:1"));
  EXPECT_TRUE(config.debug);
  EXPECT_EQ(config.mtu, 1400);
  EXPECT_EQ(config.default_address_pools.at(0).size, 24);
  EXPECT_EQ(config.default_ulimits.at("nofile").soft, 32000);
  EXPECT_EQ(config.log_opts.at("max-file"), "3");
  EXPECT_EQ(config.runtimes.at("kata").options.at("cgroup-parent"), "x");
  EXPECT_EQ(config.driver_opts.at("bridge").at("mtu"), "1300");
  EXPECT_TRUE(config.given.contains("mtu"));
  EXPECT_EQ(parse_size("x", config.default_shm_size), 128 << 20);
}

TEST_F(ConfigTest, TakesRuntimesAsDockerdDoes) {
  const auto runtimes = read(R"({"runtimes": {
    "crun": {"path": "/usr/bin/crun", "runtimeArgs": ["--debug", "--no-pivot"]},
    "youki": {"runtimeType": "io.containerd.runc.v2", "options": {"BinaryName": "/usr/local/bin/youki"}},
    "plain": {"runtimeType": "io.containerd.runc.v2"}}})")
                            .runtimes;
  EXPECT_EQ(runtimes.at("crun").driver, "oci");
  EXPECT_EQ(runtimes.at("crun").options.at("path"), "/usr/bin/crun");
  EXPECT_EQ(runtimes.at("crun").options.at("arguments"), "--debug,--no-pivot");
  EXPECT_EQ(runtimes.at("youki").driver, "oci");
  EXPECT_EQ(runtimes.at("youki").options, (Texts{{"path", "/usr/local/bin/youki"}}));
  EXPECT_EQ(runtimes.at("plain").driver, "io.containerd.runc.v2");
}

TEST_F(ConfigTest, RefusesWhatDoesNotFitByFileKeyAndChoice) {
  EXPECT_THAT(refusal(R"({"no-such-key": 1})"),
              AllOf(HasSubstr(file_.string()), HasSubstr("no-such-key"), HasSubstr("data-root")));
  EXPECT_THAT(refusal(R"({"debug": "yes"})"), AllOf(HasSubstr("debug is \"yes\""), HasSubstr("true or false")));
  EXPECT_THAT(refusal(R"({"mtu": 1e400})"), HasSubstr(file_.string()));
  EXPECT_THAT(refusal(R"({"mtu": 99999999999})"), HasSubstr("a smaller number"));
  EXPECT_THAT(refusal(R"({"mtu": 18446744073709551615})"), HasSubstr("a smaller number"));
  EXPECT_THAT(refusal(R"({"hosts": "unix:///x"})"), HasSubstr("a list of texts"));
  EXPECT_THAT(refusal(R"({"log-opts": {"a": []}})"), HasSubstr("an object of texts"));
  EXPECT_THAT(refusal(R"({"driver-opts": {"bridge": 3}})"), HasSubstr("driver-opts"));
  EXPECT_THAT(refusal(R"({"runtimes": {"x": {"colour": "/x"}}})"), HasSubstr("\"driver\""));
  EXPECT_THAT(refusal(R"({"runtimes": {"x": {"path": "/x", "driver": "native"}}})"), HasSubstr("\"driver\""));
  EXPECT_THAT(refusal(R"({"runtimes": {"x": {"runtimeType": "io.containerd.kata.v2"}}})"), HasSubstr("\"path\""));
  EXPECT_THAT(refusal(R"({"default-address-pools": [{"base": "x"}]})"), HasSubstr("\"size\": 24"));
  EXPECT_THAT(refusal("{\"debug\": "), HasSubstr(file_.string()));
  EXPECT_THAT(refusal("[]"), HasSubstr("an object was expected"));
  EXPECT_THAT(refusal(std::string(200'000, '[')), HasSubstr(file_.string()));
  EXPECT_THAT(refusal(std::string(2'000'000, ' ')), HasSubstr("larger than"));
  EXPECT_THAT(refusal(R"({"x": 1, "y": 2})"), HasSubstr("any configuration option: x, y; there are: "));
}

TEST_F(ConfigTest, ReadsHowTheBuildCacheIsHeldToALimit) {
  const Config config = read(R"({"builder": {"Entitlements": {"network-host": true}, "gc": {"enabled": true,
    "defaultKeepStorage": "20GB", "policy": [
      {"keepStorage": "10GB", "filter": ["unused-for=2200h", "type==regular"]},
      {"maxUsedSpace": "1GB", "filter": {"unused-for": {"3300h": true}}}, {"keepStorage": 512, "all": true}]}}})");
  EXPECT_TRUE(config.builder.collects);
  EXPECT_EQ(config.builder.space.reserved, "20GB");
  ASSERT_EQ(config.builder.policy.size(), 3U);
  EXPECT_THAT(config.builder.policy[0].filters.at("unused-for"), ElementsAre("2200h"));
  EXPECT_THAT(config.builder.policy[0].filters.at("type"), ElementsAre("regular"));
  EXPECT_EQ(config.builder.policy[1].space.max_used, "1GB");
  EXPECT_THAT(config.builder.policy[1].filters.at("unused-for"), ElementsAre("3300h"));
  EXPECT_EQ(config.builder.policy[2].space.reserved, "512");
  EXPECT_FALSE(read(R"({"builder": {"gc": {"enabled": false}}})").builder.collects);
}

// The file, dockerd's words where it has some, the key, and what would be right.
TEST_F(ConfigTest, RefusesEachWrongValue) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"({"log-level": "loud"})", "invalid logging level: loud: log-level needs one of debug, info, warn"},
      {R"({"labels": ["x"]})", "bad attribute format: x: labels needs key=value"},
      {R"({"labels": ["a=b", "a=c"]})", "conflict labels for a=c and a=b: labels needs one value for a key"},
      {R"({"data-root": "relative"})", R"(invalid path "relative": data-root needs an absolute path)"},
      {R"({"max-concurrent-downloads": -1})", "invalid max concurrent downloads: -1: max-concurrent-downloads needs"},
      {R"({"max-concurrent-uploads": -1})", "invalid max concurrent uploads: -1: max-concurrent-uploads needs"},
      {R"({"builder": {"gc": {"policy": [{"filter": ["foo=1"]}]}}})", "builder.gc.policy: invalid filter 'foo'"},
      {R"({"builder": {"gc": {"defaultKeepStorage": "much"}}})", "builder.gc"},
      {R"({"builder": {"x": 1}})", R"(an object as {"gc":)"},
      {R"({"mtu": -1})", "invalid default MTU: -1: mtu needs"},
      {R"({"hosts": ["foo://x"]})", "invalid bind address (foo://x): unsupported proto 'foo': hosts needs unix://"},
      {R"({"hosts": [""]})", "invalid bind address (): unsupported proto ''"},
      {R"({"dns": ["x"]})", "invalid IP address: x: dns needs"},
      {R"({"dns-search": ["-x"]})", "-x is not a valid domain: dns-search needs"},
      {R"({"ip": "x"})", "invalid IP address: x: ip needs"},
      {R"({"default-gateway": "1.2.3"})", "invalid IP address: 1.2.3: default-gateway needs"},
      {R"({"bridge": "br0", "bip": "10.0.0.1/24"})", "You specified -b & --bip, mutually exclusive options."},
      {R"({"bridge": "br/0"})", "invalid bridge \"br/0\""},
      {R"({"bip": "10.0.0.1"})", "invalid CIDR address: 10.0.0.1: bip needs"},
      {R"({"fixed-cidr": "10.0.0.0/33"})", "invalid CIDR address: 10.0.0.0/33: fixed-cidr needs"},
      {R"({"bip": "10.0.0.1/24", "fixed-cidr": "10.0.1.0/25"})", "fixed-cidr needs a part of bip's subnet"},
      {R"({"bip": "fd00::1/64"})", "invalid CIDR address: fd00::1/64: bip needs"},
      {R"({"bip6": "10.0.0.1/24"})", "invalid CIDR address: 10.0.0.1/24: bip6 needs"},
      {R"({"fixed-cidr-v6": "fd00::"})", "invalid CIDR address: fd00::: fixed-cidr-v6 needs"},
      {R"({"default-gateway-v6": "10.0.0.1"})", "invalid IP address: 10.0.0.1: default-gateway-v6 needs"},
      {R"({"host-gateway-ips": ["here"]})", "invalid IP address: here: host-gateway-ips needs"},
      {R"({"default-address-pools": [{"base": "x", "size": 24}]})", R"(invalid base pool "x": default-address-pools)"},
      {R"({"default-shm-size": "x"})", "invalid size: 'x': default-shm-size needs a size as 64m"},
      {R"({"default-ulimits": {"nope": {"Hard": 1}}})", "invalid ulimit type: nope: default-ulimits needs"},
      {R"({"default-ulimits": {"nofile": {"Hard": 1, "Soft": 2}}})", "must be less than or equal to hard limit: 2 > 1"},
      {R"({"default-cgroupns-mode": "x"})", R"(default cgroup namespace mode (x) is invalid: default-cgroupns-mode)"},
      {R"({"log-opts": {"mode": "x"}})", "log-opts: logger: logging mode not supported: x"},
      {R"({"seccomp-profile": "x"})", R"(invalid seccomp profile "x": seccomp-profile needs)"},
      {R"({"insecure-registries": [""]})", R"(insecure registry "" is not valid: insecure-registries needs host)"},
      {R"({"insecure-registries": ["http://x"]})", R"(insecure registry "http://x" is not valid)"},
      {R"({"insecure-registries": ["a,b"]})", R"(insecure registry "a,b" is not valid)"},
      {R"({"registry-mirrors": [""]})", R"(invalid mirror: unsupported scheme "" in "": registry-mirrors needs)"},
      {R"({"registry-mirrors": ["ftp://x"]})", R"(invalid mirror: unsupported scheme "ftp" in "ftp://x")"},
      {R"({"registry-mirrors": ["http://x?a"]})", "query or fragment at end of the URI"},
      {R"({"registry-mirrors": ["http://a:b@x"]})", "username/password not allowed in URI"},
      {R"({"registry-mirrors": ["http://"]})", "is not a valid URI"},
      {R"({"registry-mirrors": ["quay.io=m"]})", R"(invalid mirror: unsupported scheme "" in "m")"},
      {R"({"registry-mirrors": ["=http://m"]})", R"(invalid mirror: unsupported scheme "=http" in "=http://m")"},
  };
  for (const auto& [content, complaint] : wrong) {
    EXPECT_THAT(refusal(content), AllOf(HasSubstr(file_.string() + ": "), HasSubstr(complaint)));
  }
}

TEST_F(ConfigTest, AWrongFlagIsNotBlamedOnTheFile) {
  CommandLine line;
  ASSERT_FALSE(parse({"--log-level", "loud"}, line));
  EXPECT_THAT(refusal("{}", line.config),
              AllOf(HasSubstr("invalid logging level: loud"), ::testing::Not(HasSubstr(file_.string()))));
}

TEST_F(ConfigTest, TakesOverWhatMayChange) {
  const Config old = read(R"({"labels": ["a=b"], "mtu": 1400, "debug": false})");
  const Config fresh = read(R"({"labels": ["a=c"], "mtu": 1300, "debug": true, "insecure-registries": ["x:1"]})");
  const Reloaded reloaded = take_over(old, fresh);
  EXPECT_THAT(reloaded.config.labels, ElementsAre("a=c"));
  EXPECT_TRUE(reloaded.config.debug);
  EXPECT_EQ(reloaded.config.mtu, 1400);
  EXPECT_THAT(reloaded.changes, ElementsAre("debug: false -> true", R"(labels: ["a=b"] -> ["a=c"])",
                                            R"(insecure-registries: [] -> ["x:1"])"));
  EXPECT_THAT(reloaded.later, ElementsAre("mtu"));
}

TEST_F(ConfigTest, AnEmptyOrMissingFileChangesNothing) {
  EXPECT_TRUE(read(" \n").given.empty());
  Config config;
  read_config_file("/nowhere/daemon.json", false, config);
  EXPECT_THROW(read_config_file("/nowhere/daemon.json", true, config), Error);
}

TEST_F(ConfigTest, FlagsAreDockerds) {
  CommandLine line;
  ASSERT_FALSE(parse({"-H",
                      "unix:///a",
                      "--host=unix:///b",
                      "-D",
                      "--tls=false",
                      "-s",
                      "vfs",
                      "--storage-opt",
                      "a=b",
                      "--default-address-pool",
                      "base=10.0.0.0/8,size=20",
                      "--default-ulimit",
                      "nofile=1:2",
                      "--log-opt",
                      "max-size=1m",
                      "--add-runtime",
                      "x=native",
                      "--add-runtime",
                      "crun=/usr/bin/crun",
                      "--config-file",
                      "/x",
                      "--validate"},
                     line));
  EXPECT_THAT(line.config.hosts, ElementsAre("unix:///a", "unix:///b"));
  EXPECT_TRUE(line.config.debug);
  EXPECT_FALSE(line.config.tls);
  EXPECT_TRUE(line.config.given.contains("tls"));
  EXPECT_EQ(line.config.storage_driver, "vfs");
  EXPECT_EQ(line.config.default_address_pools.at(0).base, "10.0.0.0/8");
  EXPECT_EQ(line.config.default_ulimits.at("nofile").hard, 2);
  EXPECT_EQ(line.config.log_opts.at("max-size"), "1m");
  EXPECT_EQ(line.config.runtimes.at("x").driver, "native");
  EXPECT_EQ(line.config.runtimes.at("crun").driver, "oci");
  EXPECT_EQ(line.config.runtimes.at("crun").options.at("path"), "/usr/bin/crun");
  EXPECT_TRUE(line.validate && line.config_file_given);
  CommandLine wrong;
  EXPECT_NE(parse({"--nosuch"}, wrong).value_or(0), 0);
  EXPECT_NE(parse({"--default-ulimit", "nofile"}, wrong).value_or(0), 0);
}

TEST_F(ConfigTest, IsolatesAllDriversOrSome) {
  EXPECT_TRUE(read(R"({"isolate-plugins": true})").isolate_plugins.all);
  EXPECT_EQ(read(R"({"isolate-plugins": false})").isolate_plugins, IsolatedPlugins{});
  EXPECT_EQ(read(R"({"isolate-plugins": ["bridge"]})").isolate_plugins, (IsolatedPlugins{false, {"bridge"}}));
  EXPECT_THAT(refusal(R"({"isolate-plugins": "bridge"})"), HasSubstr("true, false or a list of drivers is needed"));
  CommandLine all;
  ASSERT_FALSE(parse({"--isolate-plugins", "-D"}, all));
  EXPECT_EQ(all.config.isolate_plugins, (IsolatedPlugins{true, {}}));
  CommandLine some;
  ASSERT_FALSE(parse({"--isolate-plugins=volume/a", "--isolate-plugins=bridge"}, some));
  EXPECT_EQ(some.config.isolate_plugins, (IsolatedPlugins{false, {"volume/a", "bridge"}}));
  EXPECT_EQ(make_driver_config(some.config).isolated, (Strings{"volume/a", "bridge"}));
}

TEST_F(ConfigTest, AKeySaidTwiceIsRefused) {
  CommandLine line;
  ASSERT_FALSE(parse({"--debug", "--label", "a=b"}, line));
  EXPECT_THAT(refusal(R"({"debug": false, "mtu": 1})", line.config),
              AllOf(HasSubstr("the following directives are specified both as a flag and in the configuration file: "
                              "debug: (from flag: true, from file: false)"),
                    ::testing::Not(HasSubstr("mtu"))));
}

TEST_F(ConfigTest, BecomesDriversOptions) {
  Config config = read(R"({"storage-driver": "vfs", "storage-opts": ["vfs.a=1", "b=2"], "mtu": 1400, "icc": false,
    "insecure-registries": ["a:1", "10.0.0.0/8"], "cgroup-parent": "p", "default-runtime": "runc",
    "default-address-pools": [{"base": "10.1.0.0/16", "size": 24}, {"base": "10.2.0.0/16", "size": 25}]})");
  const plugins::DriverConfig drivers = make_driver_config(config);
  EXPECT_EQ(drivers.options.at("vfs"), (Options{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(drivers.options.at("bridge"),
            (Options{{"mtu", "1400"},
                     {"icc", "false"},
                     {"default-address-pools", "base=10.1.0.0/16 size=24,base=10.2.0.0/16 size=25"}}));
  EXPECT_EQ(drivers.options.at("hub"), (Options{{"insecure-registries", "a:1,10.0.0.0/8"}}));
  EXPECT_EQ(drivers.options.at("native"), (Options{{"cgroup-parent", "p"}}));
  EXPECT_EQ(drivers.runtime, "native");
  EXPECT_TRUE(make_driver_config({}).options.empty());
}

TEST_F(ConfigTest, ParsesSizes) {
  EXPECT_EQ(parse_size("x", "1024"), 1024);
  EXPECT_EQ(parse_size("x", "1gb"), 1 << 30);
  for (const char* bad : {"", "m", "-1", "1x", "99999999999999999999", "9999999999t"}) {
    EXPECT_THROW(parse_size("x", bad), Error) << bad;
  }
}

TEST_F(ConfigTest, ThePidFileIsRemovedAndAStaleOneReplaced) {
  write_file_atomically(file_, "999999999\n");
  { const PidFile first{file_}; }
  EXPECT_FALSE(std::filesystem::exists(file_));
  write_file_atomically(file_, "1");
  const PidFile second{file_};
  EXPECT_EQ(read_file(file_), std::to_string(::getpid()));
}

TEST(Proxies, ComeFromFlagsBeforeTheFile) {
  Config config;
  config.proxies = {{"http-proxy", "http://file:1"}, {"no-proxy", "a,b"}};
  config.http_proxy = "http://flag:1";
  export_proxies(config);
  EXPECT_EQ(proxy_environment("http-proxy"), "http://flag:1");
  EXPECT_STREQ(::getenv("no_proxy"), "a,b");
  config.proxies = {{"ftp-proxy", "x"}};
  EXPECT_THROW(export_proxies(config), Error);
  for (const char* name : {"HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"}) ::unsetenv(name);
}

}  // namespace
}  // namespace gantry::daemon
