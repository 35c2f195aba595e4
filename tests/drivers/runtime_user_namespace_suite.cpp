// What a runtime driver that gives containers user namespaces must do with the rest of them.

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "gantry/runtime.hpp"
#include "runtime_world.hpp"
#include "subject.hpp"

namespace gantry::conformance {

namespace fs = std::filesystem;

class RuntimeUserNamespace : public Suite<runtime::v1::Driver> {
 protected:
  static constexpr std::uint32_t kFirst = 100000;

  void SetUp() override {
    Suite::SetUp();
    if (IsSkipped()) return;
    if (!can("user-namespace") || !can("idmap")) GTEST_SKIP();
    world_ = std::make_unique<RuntimeWorld>([this]() -> runtime::v1::Driver& { return driver(); }, call(), scratch());
  }

  void TearDown() override {
    world_.reset();
    Suite::TearDown();
  }

  RuntimeWorld& world() { return *world_; }

  RuntimeWorld::Spec remapped(const std::string& script) {
    auto spec = world().shell(script);
    spec.namespaces.push_back({"user", ""});
    spec.uid_map = spec.gid_map = {{0, kFirst, 65536}};
    spec.root.front().options.emplace_back(kIdMapOption);
    return spec;
  }

  /// A directory of the host's that only its root may enter, with a file of 1000's.
  fs::path closed_tree() {
    const fs::path tree = scratch() / "closed/tree";
    fs::create_directories(tree / "below");
    fs::permissions(scratch() / "closed", fs::perms::owner_all);
    std::ofstream{tree / "file"} << "text\n";
    EXPECT_EQ(::chown((tree / "file").c_str(), 1000, 1000), 0);
    return tree;
  }

 private:
  std::unique_ptr<RuntimeWorld> world_;
};

/// Mounted as long as it is there.
class Tmpfs {
 public:
  explicit Tmpfs(fs::path at, unsigned long flags = 0) : at_(std::move(at)) {
    EXPECT_EQ(::mount("tmpfs", at_.c_str(), "tmpfs", flags, "size=64k,mode=777"), 0) << at_;
  }
  ~Tmpfs() { ::umount2(at_.c_str(), MNT_DETACH); }
  Tmpfs(const Tmpfs&) = delete;
  Tmpfs& operator=(const Tmpfs&) = delete;

 private:
  fs::path at_;
};

TEST_F(RuntimeUserNamespace, ShowsTheHostsFilesAsTheHosts) {
  const fs::path tree = closed_tree();
  const Tmpfs mounted(tree / "below");
  std::ofstream{tree / "below/inner"} << "inner\n";
  auto spec = remapped(
      "stat -c %u:%g /h/file; cat /h/file /h/below/inner; touch /h/new || echo refused; echo x >/h/below/inner || echo "
      "refused; touch /r/below/new || echo sealed");
  spec.mounts.push_back({"bind", tree, "/h", "", {"rbind", "rprivate"}});
  spec.mounts.push_back({"bind", tree, "/r", "", {"rbind", "rprivate", "rro"}});
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "65534:65534\ntext\ninner\nrefused\nrefused\nsealed\n") << ended.err;
}

TEST_F(RuntimeUserNamespace, ShowsOnlyTheTopWhenAsked) {
  const fs::path tree = closed_tree();
  const Tmpfs mounted(tree / "below");
  std::ofstream{tree / "below/inner"} << "inner\n";
  auto spec = remapped("cat /h/file; ls /h/below");
  spec.mounts.push_back({"bind", tree, "/h", "", {"bind", "rprivate"}});
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "text\n") << ended.err;
}

TEST_F(RuntimeUserNamespace, MakesOnlyTheTopReadOnly) {
  const fs::path tree = closed_tree();
  const Tmpfs top(tree);
  fs::create_directories(tree / "below");
  const Tmpfs mounted(tree / "below");
  auto spec = remapped("touch /h/new || echo sealed; touch /h/below/new && echo made");
  spec.mounts.push_back({"bind", tree, "/h", "", {"rbind", "rprivate", "ro"}});
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "sealed\nmade\n") << ended.err;
}

TEST_F(RuntimeUserNamespace, StartsAboveWhatItsRootCannotReach) {
  const fs::path tree = closed_tree();
  fs::create_directories(tree / "roots/inner");
  fs::create_directories(tree / "own/inner");
  const Tmpfs unseen(tree / "roots/inner");
  const Tmpfs seen(tree / "own/inner");
  std::ofstream{tree / "own/inner/file"} << "inner\n";
  // Closed to everybody but another user of the container, who is its root's to govern.
  fs::permissions(tree / "own", fs::perms::owner_all);
  EXPECT_EQ(::chown((tree / "own").c_str(), kFirst + 5, kFirst + 5), 0);
  fs::permissions(tree / "roots", fs::perms(0710));
  auto spec = remapped("cat /h/file /h/own/inner/file; ls /h/roots || echo closed");
  spec.mounts.push_back({"bind", tree, "/h", "", {"rbind", "rprivate", "rro"}});
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "text\ninner\nclosed\n") << ended.err;
}

TEST_F(RuntimeUserNamespace, SetsWhatABindIsToldAndKeepsWhatTheHostForbids) {
  const fs::path tree = closed_tree();
  const Tmpfs mounted(tree, MS_NOSUID | MS_NODEV | MS_NOEXEC);
  auto spec = remapped("grep -E ' /[mr] ' /proc/self/mounts | cut -d' ' -f2,4");
  spec.mounts.push_back({"bind", tree, "/m", "", {"rbind", "rprivate", "noatime"}});
  spec.mounts.push_back({"bind", tree, "/r", "", {"rbind", "rprivate", "ro"}});
  const Ended ended = world().run(spec);
  EXPECT_NE(ended.out.find("/m rw,nosuid,nodev,noexec,noatime,"), std::string::npos) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("/r ro,nosuid,nodev,noexec,relatime,"), std::string::npos) << ended.out << ended.err;
}

TEST_F(RuntimeUserNamespace, FollowsTheHostsMountsWhenAsked) {
  const fs::path tree = closed_tree();
  const Tmpfs mounted(tree);
  ASSERT_EQ(::mount(nullptr, tree.c_str(), nullptr, MS_SHARED, nullptr), 0);
  fs::create_directories(tree / "below");
  auto spec = remapped("sleep 1000");
  spec.mounts.push_back({"bind", tree, "/follows", "", {"rbind", "rslave"}});
  spec.mounts.push_back({"bind", tree, "/stays", "", {"rbind", "rprivate"}});
  auto live = world().launch(spec);
  const Tmpfs later(tree / "below");
  std::ofstream{tree / "below/inner"} << "inner\n";
  EXPECT_EQ(world().exec_command(live.id, {"cat", "/follows/below/inner"}).out, "inner\n");
  EXPECT_EQ(world().exec_command(live.id, {"ls", "/stays/below"}).out, "");
  world().kill(std::move(live));
}

TEST_F(RuntimeUserNamespace, MapsTheBindsThatItIsToldTo) {
  const fs::path tree = closed_tree();
  auto spec = remapped("stat -c %u:%g /v/file /p/file; touch /v/made; ls /p");
  spec.mounts.push_back({"bind", tree, "/v", "", {"rbind", "rprivate", std::string{kIdMapOption}}});
  spec.mounts.push_back({"bind", tree.parent_path(), "/p", "", {"rbind", "x-subpath=tree", std::string{kIdMapOption}}});
  if (!can("bind-lookup")) spec.mounts.back() = {"bind", tree, "/p", "", {"rbind", std::string{kIdMapOption}}};
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "1000:1000\n1000:1000\nbelow\nfile\nmade\n") << ended.err;
  struct stat made {};
  ASSERT_EQ(::stat((tree / "made").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, 0U);
}

TEST_F(RuntimeUserNamespace, GivesDevicesThatItsRootCannotMake) {
  auto spec = remapped(
      "stat -c %u:%g /dev /dev/null /opt/zero /dev/sub/full; echo x >/dev/null; head -c 3 /opt/zero | wc -c; head -c 1 "
      "/dev/sub/full | wc -c; readlink /dev/fd; readlink /dev/ptmx; mknod /dev/mine c 1 3 || echo refused; touch "
      "/dev/mine && "
      "echo made");
  spec.devices.push_back({"/opt/zero", 'c', 1, 5, 0666, 0, 0});
  spec.devices.push_back({"/dev/sub/full", 'c', 1, 7, 0666, 5, 6});
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "0:0\n0:0\n0:0\n5:6\n3\n1\n/proc/self/fd\npts/ptmx\nrefused\nmade\n") << ended.err;
}

TEST_F(RuntimeUserNamespace, GivesATerminalToItsUser) {
  auto spec = remapped("stat -c %u:%t $(tty); ls /dev/console; id -u");
  spec.process.terminal = true;
  spec.process.user = "1000";
  EXPECT_EQ(world().run(spec).out, "1000:88\r\n/dev/console\r\n1000\r\n");
}

TEST_F(RuntimeUserNamespace, ReopensStandardStreams) {
  const Ended ended = world().run(remapped("echo out >/dev/stdout; echo err >/dev/stderr"));
  EXPECT_EQ(ended.out, "out\n");
  EXPECT_EQ(ended.err, "err\n");
}

TEST_F(RuntimeUserNamespace, WritesSysctlsAndNames) {
  auto spec = remapped("hostname; cd /proc/sys; cat kernel/domainname kernel/msgmax net/ipv4/ip_forward");
  spec.domainname = "domain";
  spec.sysctls = {{"kernel.msgmax", "4321"}, {"net.ipv4.ip_forward", "1"}};
  EXPECT_EQ(world().run(spec).out, "box\ndomain\n4321\n1\n");
}

TEST_F(RuntimeUserNamespace, OwnsItsNetwork) {
  auto spec = remapped(
      "ip link set lo down && echo link; ip link set lo up && busybox ping -c 1 127.0.0.1 >/dev/null && echo up");
  spec.process.capabilities.emplace_back("CAP_NET_ADMIN");
  EXPECT_EQ(world().run(spec).out, "link\nup\n");
}

TEST_F(RuntimeUserNamespace, SetsLimits) {
  auto spec = remapped("ulimit -Hn; cat /proc/self/oom_score_adj");
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const std::uint64_t most = limit.rlim_max;
  spec.process.rlimits = {{"RLIMIT_NOFILE", most, most}};
  spec.process.oom_score_adj = 500;
  EXPECT_EQ(world().run(spec).out, std::to_string(most) + "\n500\n");
}

TEST_F(RuntimeUserNamespace, ExecIsInThere) {
  auto live = world().launch(remapped("sleep 1000"));
  const std::string user = fs::read_symlink("/proc/" + std::to_string(live.running.pid) + "/ns/user");
  const std::string script =
      "id -u; readlink /proc/self/ns/user; touch /made; echo x >/dev/stdout; mknod /n c 1 3 || echo refused";
  const Ended ended = world().exec_command(live.id, {"sh", "-c", script});
  EXPECT_EQ(ended.out, "0\n" + user + "\nx\nrefused\n") << ended.err;
  struct stat made {};
  ASSERT_EQ(::stat((world().root() / "made").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, 0U);
  auto other = world().exec_spec({"sh", "-c", "id -u; id -g; echo x >/dev/stdout"});
  other.process.user = "1000:1001";
  EXPECT_EQ(world().exec(live.id, other).out, "1000\n1001\nx\n");
  world().kill(std::move(live));
}

TEST_F(RuntimeUserNamespace, NamesWhatCannotBeMapped) {
  auto spec = remapped("true");
  spec.mounts.push_back({"bind", "/proc/sys", "/v", "", {"bind", std::string{kIdMapOption}}});
  try {
    world().run(spec);
    FAIL() << "it was mounted";
  } catch (const Error& error) {
    EXPECT_NE(std::string{error.what()}.find("/proc/sys"), std::string::npos) << error.what();
  }
}

}  // namespace gantry::conformance
