// Containers and images that want to get at the host, each in the way of a known hole: they are refused, or reach
// themselves only.

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecret = "the host's own";

std::string file_content(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// Exchanges two names of a directory for each other as fast as the kernel can, from beginning to end of its life.
class Exchanger {
 public:
  Exchanger(const fs::path& directory, const char* one, const char* other)
      : directory_(::open(directory.c_str(), O_PATH | O_CLOEXEC)), thread_([this, one, other] {
          while (!ended_) {
            if (::syscall(SYS_renameat2, directory_.get(), one, directory_.get(), other, RENAME_EXCHANGE) == 0)
              ++rounds_;
          }
        }) {}
  ~Exchanger() {
    ended_ = true;
    thread_.join();
  }
  Exchanger(const Exchanger&) = delete;
  Exchanger& operator=(const Exchanger&) = delete;
  [[nodiscard]] int rounds() const { return rounds_; }

 private:
  UniqueFd directory_;
  std::atomic<bool> ended_{false};
  std::atomic<int> rounds_{0};
  std::thread thread_;
};

class Breakout : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    fs::create_directories(host_);
    std::ofstream{host_ / "secret"} << kSecret;
  }
  void TearDown() override {
    EXPECT_EQ(file_content(host_ / "secret"), kSecret);
    EXPECT_EQ(shell("ls -A " + host_.string()).out, "secret\n");
    fs::remove_all(host_);
    Engine::TearDown();
  }

  static std::string curl(const std::string& arguments, const std::string& path) {
    return "curl -s " + arguments + " --unix-socket " + daemon->socket().string() + " 'http://d" + path + "'";
  }

  /// Loads an image whose tree is a busybox's with `entries` besides.
  static void load(std::vector<Entry> entries, const json& config, const std::string& tag) {
    const fs::path layout = daemon->root() / "image";
    std::vector<Entry> tree{{"bin/", ""}, {"etc/", ""}, {"bin/busybox", file_content("/bin/busybox")}};
    for (const char* applet : {"sh", "cat", "ls", "stat", "id", "echo", "sleep", "true"}) {
      tree.push_back({std::string("bin/") + applet, "busybox", 'l'});
    }
    tree.insert(tree.end(), entries.begin(), entries.end());
    make_layout(layout, {tar_of(tree)}, config, tag);
    const Result loaded = shell("tar -C " + layout.string() + " -cf - . | " + program("gantry").string() + " load",
                                daemon->environment());
    ASSERT_EQ(loaded.code, 0) << loaded.err;
    fs::remove_all(layout);
  }

  fs::path host_ = daemon->root() / "host";
};

// CVE-2018-15664: a directory becomes a link between the look at it and its use.
TEST_F(Breakout, ACopyIsNotLedAstrayByALinkThatComesAndGoes) {
  cli("run -d --name trap busybox sh -c 'mkdir -p /w/way; echo -n ours >/w/way/secret; ln -s " + host_.string() +
      " /w/link; touch /ready; sleep 1000'");
  ASSERT_EQ(cli("exec trap sh -c 'until [ -e /ready ]; do :; done'").code, 0);
  const std::string pid = std::to_string(daemon->inspect("trap", "/State/Pid").get<int>());
  const std::string tar = (daemon->root() / "planted.tar").string();
  std::ofstream{tar, std::ios::binary} << tar_of({{"planted", "by the container"}, {"secret", "overwritten"}});
  const std::string get = curl("", "/containers/trap/archive?path=/w/way/secret");
  const std::string walk = curl("", "/containers/trap/archive?path=/w");
  const std::string put =
      curl("-o /dev/null -w '%{http_code}' -X PUT -T " + tar, "/containers/trap/archive?path=/w/way");
  int read = 0;
  int refused = 0;
  int written = 0;
  {
    const Exchanger exchanger("/proc/" + pid + "/root/w", "way", "link");
    const auto all_seen = [&] { return read > 0 && refused > 0 && written > 0; };
    for (int round = 0; round < 20 || (round < 500 && !all_seen()); ++round) {
      const std::string got = shell(get).out + shell(walk).out;
      ASSERT_THAT(got, Not(HasSubstr(kSecret)));
      // Also what goes away between the look at it and its reading.
      ASSERT_THAT(got, Not(HasSubstr(R"({"message":"/w)")));
      read += got.find("ours") != std::string::npos ? 1 : 0;
      refused += got.find("Could not find the file") != std::string::npos ? 1 : 0;
      written += shell(put).out == "200" ? 1 : 0;
      // What came in is taken out again, so that there is something to read.
      cli("exec trap sh -c 'for d in /w/way /w/link; do [ -e $d/secret ] && echo -n ours >$d/secret; done'");
    }
    EXPECT_GT(exchanger.rounds(), 100);
  }
  // Both have happened: the way was there, and it led to what the container does not have.
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(written, 0);
  fs::remove(tar);
}

TEST_F(Breakout, AUserBeyondTheKernelsNumbersIsNotRoot) {
  for (const char* user : {"4294967296", "4294967295", "-1", "0:4294967296", "2147483648"}) {
    const Result ran = cli(std::string("run --rm -u ") + user + " busybox id");
    EXPECT_NE(ran.code, 0) << user << ": " << ran.out;
    EXPECT_THAT(ran.err, HasSubstr("uids and gids must be in range 0-2147483647")) << user;
  }
  load({}, {{"Cmd", {"id"}}, {"User", "4294967296"}}, "beyond:1");
  EXPECT_THAT(cli("run --rm beyond:1").err, HasSubstr("uids and gids must be in range 0-2147483647"));
  EXPECT_THAT(cli("run --rm -u 2147483647 beyond:1").out, HasSubstr("uid=2147483647 gid=0"));
  cli("run -d --name busy busybox sleep 1000");
  EXPECT_NE(cli("exec -u 4294967296 busy id").code, 0);
  cli("rm -f busy");
  EXPECT_EQ(cli("rmi beyond:1").code, 0);
}

// CVE-2022-0492: who may write a cgroup hierarchy's release_agent runs a program as the host's root.
TEST_F(Breakout, NobodySetsAReleaseAgent) {
  const std::string agents = "cat /sys/fs/cgroup/*/release_agent";
  if (shell("ls /sys/fs/cgroup/*/release_agent").code != 0) GTEST_SKIP() << "there is no cgroup v1 here";
  const std::string before = shell(agents).out;
  const std::string write =
      "for f in /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/release_agent /tmp/c/release_agent; do "
      "[ -e $f ] && echo /escape 2>/dev/null >$f && echo written $f; done; ";
  const std::string mount = "mkdir -p /tmp/c; mount -t cgroup -o pids cgroup /tmp/c 2>/dev/null && echo mounted; ";
  const std::string inside = "'" + write + mount + "unshare -Urm sh -c \"" + mount + "\" 2>/dev/null; echo done'";
  EXPECT_EQ(cli("run --rm busybox sh -c " + inside).out, "done\n");
  // Docker lets this one mount, too (where there is no AppArmor); what it is given is read-only, and a hierarchy that
  // is its own has no release_agent.
  EXPECT_EQ(cli("run --rm --cap-add SYS_ADMIN busybox sh -c '" + write + "echo done'").out, "done\n");
  EXPECT_EQ(cli("run --rm --cap-add SYS_ADMIN --cgroupns private busybox sh -c '" + mount + write + "echo done'").out,
            "mounted\ndone\n");
  EXPECT_EQ(shell(agents).out, before);
}

// CVE-2020-15257: an abstract socket is there for all who share the network namespace.
TEST_F(Breakout, NoAbstractSocketIsSeenInTheHostsNetwork) {
  cli("run -d --name other busybox sleep 1000");
  const std::string sockets = cli("run --rm --network host busybox cat /proc/net/unix").out;
  ASSERT_THAT(sockets, HasSubstr("gantry.sock"));
  EXPECT_THAT(sockets, Not(HasSubstr("@"))) << sockets;
}

TEST_F(Breakout, AVolumeAboveTheRootIsInTheContainer) {
  load({}, {{"Cmd", {"sh"}}, {"Volumes", {{"/../../..", json::object()}}}}, "above:1");
  const Result root = cli("run --rm above:1 ls -A /");
  EXPECT_NE(root.code, 0) << root.out;
  EXPECT_THAT(root.err, HasSubstr("destination can't be '/'"));
  load({}, {{"Cmd", {"sh"}}, {"Volumes", {{"/../.." + host_.string(), json::object()}}}}, "above:2");
  // The container's own path of that name, and empty.
  EXPECT_EQ(
      cli("run --rm above:2 sh -c 'ls -A " + host_.string() + "; echo x >" + host_.string() + "/secret; echo ok'").out,
      "ok\n");
  EXPECT_EQ(cli("rmi above:1 above:2").code, 0);
}

// CVE-2025-31133, -52565, -52881: what the engine mounts or masks by a path of the container's leads elsewhere.
class HostileDevices : public Breakout, public ::testing::WithParamInterface<const char*> {};

TEST_P(HostileDevices, LeadNowhere) {
  const std::string pattern = file_content("/proc/sys/kernel/core_pattern");
  const std::string target = GetParam();
  std::vector<Entry> entries{{"dev/", ""}};
  for (const char* name : {"null", "pts", "console", "ptmx", "zero", "shm", "mqueue", "fd", "stdin"}) {
    entries.push_back({"dev/" + std::string(name), target == "host" ? host_.string() + "/secret" : target, 'l'});
  }
  load(entries, {{"Cmd", {"sh"}}}, "devices:1");
  const std::string look =
      "for f in /proc/sys/kernel/core_pattern /dev/null /dev/console /dev/pts/ptmx /dev/zero; do echo escaped "
      "2>/dev/null >$f; done; "
      "stat -c %t:%T /proc/keys; cat /proc/keys; echo escaped 2>/dev/null >/proc/sys/kernel/core_pattern && echo "
      "writable; "
      "echo done";
  const auto expect_harmless = [&](const std::string& options) {
    const Result ran = cli("run --rm " + options + " devices:1 sh -c '" + look + "'");
    EXPECT_EQ(file_content("/proc/sys/kernel/core_pattern"), pattern) << options;
    // Refused, or all is as in any container.
    if (ran.code == 0) {
      EXPECT_EQ(ran.out, "1:3\ndone\n") << options;
    } else {
      EXPECT_THAT(ran.out, Not(HasSubstr("done"))) << options;
    }
    return ran.code;
  };
  // The image's own /dev is covered by that which every container has.
  EXPECT_EQ(expect_harmless(""), 0);
  EXPECT_EQ(expect_harmless("--tmpfs /run"), 0);
  // As a volume it takes that one's place, with the links in it.
  expect_harmless("-v hostile-devices:/dev");
  const auto terminal = daemon->background("run --rm -t -v hostile-devices:/dev devices:1 sh -c 'echo seen'", true);
  terminal->wait();
  EXPECT_EQ(file_content("/proc/sys/kernel/core_pattern"), pattern);
  cli("volume rm -f hostile-devices");
  EXPECT_EQ(cli("rmi devices:1").code, 0);
}

INSTANTIATE_TEST_SUITE_P(Targets, HostileDevices,
                         ::testing::Values("/proc/sys/kernel/core_pattern", "/proc/self/fd/0",
                                           "../../../../../../proc/sys", "host"),
                         [](const auto& target) { return "Target" + std::to_string(target.index); });

TEST_F(Breakout, PathsOfArchivesStayInsideAndHaveNoNul) {
  cli("create --name still busybox true");
  cli("run -d --name busy busybox sleep 1000");
  std::string up;
  for (int i = 0; i < 20; ++i) up += "../";
  const std::string tar = (daemon->root() / "planted.tar").string();
  std::ofstream{tar, std::ios::binary} << tar_of({{"secret", "overwritten"}});
  const std::vector<std::string> methods{"-X GET", "-I", "-X PUT -T " + tar};
  for (const char* name : {"still", "busy"}) {
    const std::string archive = std::string("/containers/") + name + "/archive?path=";
    const std::string around = "/etc%00/../" + up + host_.string();
    for (const std::string path : {"/etc/passwd%00", "%00", around.c_str(), "/tmp%00"}) {
      for (const std::string& method : methods) {
        const std::string status = shell(curl(method + " -o /dev/null -w '%{http_code}'", archive + path)).out;
        EXPECT_THAT(status, ::testing::MatchesRegex("[45]..")) << method << " " << path;
      }
    }
    for (const std::string& path : {up + host_.string(), "/etc/" + up + host_.string(), "/./" + up + host_.string()}) {
      EXPECT_THAT(shell(curl("", archive + path + "/secret")).out, HasSubstr("Could not find the file"));
      EXPECT_EQ(shell(curl("-o /dev/null -w '%{http_code}' -X PUT -T " + tar, archive + path)).out, "404");
    }
    // The root's parent is the root.
    EXPECT_THAT(shell(curl("", archive + up + "etc/passwd")).out, HasSubstr("www-data"));
  }
  fs::remove(tar);
}

}  // namespace
}  // namespace gantry::e2e
