// Containers whose root is not the host's: what they see, what they may do, and whose what they leave on disk is.

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container_shim/user_namespace.hpp"
#include "native_fixture.hpp"

namespace gantry::native {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kFirst = 100000;

bool has_user_namespaces() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
  int status = 1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

std::string owner_of(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) < 0) return "none";
  return std::to_string(facts.st_uid) + ":" + std::to_string(facts.st_gid);
}

}  // namespace

class UserNamespaces : public NativeTest {
 protected:
  void SetUp() override {
    if (!has_user_namespaces()) GTEST_SKIP() << "the kernel makes no user namespaces here (in a chroot it does not)";
  }

  Spec remapped(const std::string& script) {
    Spec spec = world().shell(script);
    spec.namespaces.push_back({"user", ""});
    spec.uid_map = spec.gid_map = {{0, kFirst, 65536}};
    spec.root.front().options.emplace_back(kIdMapOption);
    return spec;
  }

  /// The root as an overlay, as the storage driver of that name gives it.
  Spec over_layers(const std::string& script) {
    fs::create_directories(base() / "store/l");
    fs::create_directories(base() / "store/tops/key/upper");
    fs::create_directories(base() / "store/tops/key/work");
    fs::create_directories(base() / "store/layers");
    Spec spec = remapped(script);
    std::error_code there;
    if (!fs::exists(base() / "store/layers/a")) fs::copy(world().root(), base() / "store/layers/a", kWhole);
    fs::create_directory_symlink("../layers/a", base() / "store/l/A", there);
    spec.root = {{"overlay",
                  "overlay",
                  "",
                  base() / "store/l",
                  {"lowerdir=A", "upperdir=../tops/key/upper", "workdir=../tops/key/work", "index=off",
                   "redirect_dir=off", "metacopy=off", std::string(kIdMapOption)}}};
    return spec;
  }

  std::string outside(const std::string& name) { return owner_of(base() / "store/tops/key/upper" / name); }

  static constexpr auto kWhole = fs::copy_options::recursive | fs::copy_options::copy_symlinks;
};

TEST_F(UserNamespaces, RootIsRootInsideOnly) {
  auto spec = remapped(
      "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; stat -c %u:%g /bin/busybox /dev/null "
      "/dev /proc/1 /dev/pts/ptmx; echo x > /dev/null && echo null");
  const Ended ended = world().run(spec);
  const std::string map = "         0     100000      65536\n";
  EXPECT_EQ(ended.out, "0\n0\n" + map + map + "0:0\n0:0\n0:0\n0:0\n0:0\nnull\n") << ended.err;
}

TEST_F(UserNamespaces, WhatItWritesIsItsOwnOnDisk) {
  const Ended ended = world().run(remapped("touch /made; touch /given; chmod 4755 /given; mkdir /d; stat -c %u /made"));
  EXPECT_EQ(ended.out, "0\n") << ended.err;
  EXPECT_EQ(owner_of(world().root() / "made"), "0:0");
  EXPECT_EQ(owner_of(world().root() / "d"), "0:0");
}

TEST_F(UserNamespaces, LayersAndTopKeepTheContainersIds) {
  auto spec =
      over_layers("touch /made && mkdir /d && echo more >>/etc/passwd && rm /bin/tail && stat -c %u:%g /etc/group");
  ASSERT_EQ(::chown((base() / "store/layers/a/etc/group").c_str(), 1000, 2000), 0);
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "1000:2000\n") << ended.err;
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(outside("made"), "0:0");
  EXPECT_EQ(outside("d"), "0:0");
  EXPECT_EQ(outside("etc/passwd"), "0:0");
  struct stat whiteout {};
  ASSERT_EQ(::lstat((base() / "store/tops/key/upper/bin/tail").c_str(), &whiteout), 0);
  EXPECT_TRUE(S_ISCHR(whiteout.st_mode));
  // The same top without a user namespace: nothing had to be changed.
  auto plain = over_layers("stat -c %u:%g /made; ls /bin/tail");
  std::erase_if(plain.namespaces, [](const auto& space) { return space.kind == "user"; });
  EXPECT_EQ(world().run(plain).out, "0:0\n");
}

TEST_F(UserNamespaces, ItsNamespacesAreItsOwn) {
  auto spec = remapped(
      "hostname new && hostname; ip link set lo down && echo link; echo 1 >/proc/sys/net/ipv4/ip_forward || echo "
      "sealed;"
      "mount -t tmpfs none /tmp && echo mounted; cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward");
  spec.process.capabilities.insert(spec.process.capabilities.end(), {"CAP_SYS_ADMIN", "CAP_NET_ADMIN"});
  spec.seccomp = "unconfined";
  spec.sysctls = {{"kernel.msgmax", "4321"}, {"net.ipv4.ip_forward", "1"}};
  EXPECT_EQ(world().run(spec).out, "new\nlink\nsealed\nmounted\n4321\n1\n");
}

TEST_F(UserNamespaces, TheHostIsNobodysThere) {
  fs::create_directories(base() / "host");
  std::ofstream(base() / "host/secret") << "secret";
  fs::permissions(base() / "host/secret", fs::perms(0600));
  std::ofstream(base() / "host/open") << "open\n";
  auto spec = remapped(
      "stat -c %u:%g /host/secret; cat /host/secret || echo refused; cat /host/open; echo x >/host/open || echo "
      "refused;"
      "touch /host/new || echo refused; mknod /n c 1 3 || echo refused; chown 1 /host/open || echo refused");
  spec.mounts.push_back({"bind", base() / "host", "/host", "", {"rbind"}});
  EXPECT_EQ(world().run(spec).out, "65534:65534\nrefused\nopen\nrefused\nrefused\nrefused\nrefused\n");
}

TEST_F(UserNamespaces, BindsAreMappedWhenAsked) {
  fs::create_directories(base() / "volume");
  std::ofstream(base() / "volume/file") << "text\n";
  ASSERT_EQ(::chown((base() / "volume/file").c_str(), 1000, 1000), 0);
  auto spec = remapped("stat -c %u:%g /v/file; touch /v/made");
  spec.mounts.push_back({"bind", base() / "volume", "/v", "", {"rbind", std::string(kIdMapOption)}});
  EXPECT_EQ(world().run(spec).out, "1000:1000\n");
  EXPECT_EQ(owner_of(base() / "volume/made"), "0:0");
}

TEST_F(UserNamespaces, SourcesOnlyTheHostsRootReachesAreMounted) {
  fs::create_directories(base() / "closed/inner");
  fs::permissions(base() / "closed", fs::perms(0700));
  std::ofstream(base() / "closed/inner/file") << "text\n";
  auto spec = remapped("cat /v/file");
  spec.mounts.push_back({"bind", base() / "closed/inner", "/v", "", {"rbind"}});
  EXPECT_EQ(world().run(spec).out, "text\n");
}

TEST_F(UserNamespaces, RunsAsAUserWithGroups) {
  auto spec = remapped("id -u; id -g; id -G; echo out >/dev/stdout; echo err >/dev/stderr");
  spec.process.user = "user";
  spec.process.additional_groups = {"more"};
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "1000\n1000\n1000 2000 3000\nout\n");
  EXPECT_EQ(ended.err, "err\n");
  spec = remapped("true");
  spec.process.user = "70000";
  EXPECT_NE(start_error(spec), "") << "an id that is not in the map";
}

TEST_F(UserNamespaces, StandardStreamsCanBeOpenedAgain) {
  EXPECT_EQ(world().run(remapped("echo out >/dev/stdout")).out, "out\n");
}

TEST_F(UserNamespaces, LimitsAreSetFromOutside) {
  auto spec = remapped("ulimit -Hn; cat /proc/self/oom_score_adj");
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const std::uint64_t most = limit.rlim_max;
  spec.process.rlimits = {{"RLIMIT_NOFILE", most, most}};
  spec.process.oom_score_adj = 500;
  EXPECT_EQ(world().run(spec).out, std::to_string(most) + "\n500\n");
}

TEST_F(UserNamespaces, TerminalsBelongToTheContainer) {
  auto spec = remapped("stat -c %u:%t $(tty); ls /dev/console; id -u");
  spec.process.terminal = true;
  spec.process.user = "user";
  EXPECT_EQ(world().run(spec).out, "1000:88\r\n/dev/console\r\n1000\r\n");
}

TEST_F(UserNamespaces, DevicesWorkAndCannotBeMade) {
  auto spec = remapped(
      "head -c 3 /dev/zero | wc -c; head -c 3 /opt/zero | wc -c; head -c 1 /dev/sub/full | wc -c; stat -c %u:%g "
      "/dev/sub/full /dev/sub; mknod /dev/mine c 1 3 || echo refused");
  spec.devices.push_back({"/opt/zero", 'c', 1, 5, 0666, 0, 0});
  spec.devices.push_back({"/dev/sub/full", 'c', 1, 7, 0666, 5, 6});
  EXPECT_EQ(world().run(spec).out, "3\n3\n1\n5:6\n0:0\nrefused\n");
}

TEST_F(UserNamespaces, ExecJoinsTheUserNamespace) {
  auto live = world().launch(remapped("sleep 1000"));
  const Ended ended = world().exec_command(
      live.id,
      {"sh", "-c", "id -u; readlink /proc/self/ns/user; cat /proc/self/uid_map; touch /made; echo x >/dev/stdout"});
  EXPECT_EQ(ended.out, "0\n" + fs::read_symlink("/proc/" + std::to_string(live.running.pid) + "/ns/user").string() +
                           "\n         0     100000      65536\nx\n");
  EXPECT_EQ(owner_of(world().root() / "made"), "0:0");
  world().kill(std::move(live));
}

TEST_F(UserNamespaces, JoinsAnothersNamespacesWithItsUserNamespace) {
  auto first = world().launch(remapped("sleep 1000"));
  const std::string spaces = "/proc/" + std::to_string(first.running.pid) + "/ns/";
  for (const bool builtin : {false, true}) {
    auto spec = remapped(
        "readlink /proc/self/ns/user; readlink /proc/self/ns/net; readlink /proc/self/ns/pid; id -u; "
        "touch /second && hostname x && echo named");
    spec.process.capabilities.push_back("CAP_SYS_ADMIN");
    if (builtin) spec.init_path = "builtin";
    for (auto& space : spec.namespaces) {
      if (space.kind == "network") space.path = spaces + "net";
      if (space.kind == "pid") space.path = spaces + "pid";
      if (space.kind == "user") space.path = spaces + "user";
    }
    const Ended ended = world().run(spec);
    EXPECT_EQ(ended.out, fs::read_symlink(spaces + "user").string() + "\n" + fs::read_symlink(spaces + "net").string() +
                             "\n" + fs::read_symlink(spaces + "pid").string() + "\n0\nnamed\n")
        << ended.err;
  }
  world().kill(std::move(first));
}

TEST_F(UserNamespaces, NothingOfTheHostIsSeenThroughProc) {
  auto spec = remapped(
      "for p in /proc/[0-9]*; do readlink $p/root; ls $p/root/store 2>/dev/null; done | sort -u; ls /proc/1/fd | wc "
      "-l");
  spec.process.capabilities.push_back("CAP_SYS_PTRACE");
  const Ended ended = world().run(spec);
  EXPECT_TRUE(ended.out.starts_with("/\n")) << ended.out;
  EXPECT_EQ(ended.out.find("store"), std::string::npos) << ended.out;
}

TEST_F(UserNamespaces, WhoJoinsShowsNothingOfTheHost) {
  // One looks into whatever appears in its PID namespace, with all rights there, while others come to join it.
  std::ofstream(base() / "mark") << "the host's";
  auto spec =
      remapped("while :; do for p in /proc/[0-9]*; do cat $p/root" + (base() / "mark").string() +
               " 2>/dev/null; test $p = /proc/1 || ls $p/fd/ $p/cwd/ >/dev/null 2>&1; done; test -e /stop && break; "
               "done; echo end");
  spec.process.capabilities.insert(spec.process.capabilities.end(), {"CAP_SYS_PTRACE", "CAP_SYS_ADMIN"});
  spec.seccomp = "unconfined";
  auto watcher = world().launch(spec);
  const std::string spaces = "/proc/" + std::to_string(watcher.running.pid) + "/ns/";
  for (int i = 0; i < 8; ++i) {
    auto joining = remapped("true");
    for (auto& space : joining.namespaces) {
      if (space.kind == "pid" || space.kind == "user") space.path = spaces + space.kind;
    }
    EXPECT_EQ(world().run(joining).code, 0);
    EXPECT_EQ(world().exec_command(watcher.id, {"true"}).code, 0);
  }
  EXPECT_EQ(world().exec_command(watcher.id, {"touch", "/stop"}).code, 0);
  EXPECT_EQ(world().finish(std::move(watcher)).out, "end\n");
}

TEST_F(UserNamespaces, TheHostsRootIsInNoMap) {
  auto spec = remapped("true");
  spec.uid_map = {{0, 0, 65536}};
  EXPECT_NE(start_error(spec).find("has the host's root in it"), std::string::npos);
  spec = remapped("true");
  spec.gid_map = {{0, kFirst, 10}, {10, 0, 1}};
  EXPECT_NE(start_error(spec).find("has the host's root in it"), std::string::npos);
  spec = remapped("true");
  spec.uid_map = {{1, kFirst, 10}};
  EXPECT_NE(start_error(spec).find("has no 0"), std::string::npos);
  spec = remapped("true");
  spec.uid_map.clear();
  EXPECT_NE(start_error(spec).find("has no 0"), std::string::npos);
}

TEST_F(UserNamespaces, AFailureOfTheGroundworkIsTold) {
  auto spec = remapped("true");
  spec.mounts.push_back({"bind", base() / "none", "/v", "", {"rbind"}});
  EXPECT_EQ(start_error(spec), "bind source path does not exist: " + (base() / "none").string());
  spec = remapped("true");
  spec.mounts.push_back({"bind", "/proc/sys", "/v", "", {"bind", std::string(kIdMapOption)}});
  EXPECT_NE(start_error(spec).find("cannot map the ids of /proc/sys"), std::string::npos);
}

TEST_F(UserNamespaces, FilesystemsThatOnlyTheHostMountsAreMounted) {
  fs::create_directories(base() / "lower");
  std::ofstream(base() / "lower/file") << "text\n";
  auto spec = remapped("cat /image/file; touch /image/x || echo sealed");
  spec.mounts.push_back(
      {"overlay", "overlay", "/image", base(), {"lowerdir=lower:root", "ro", std::string(kIdMapOption)}});
  EXPECT_EQ(world().run(spec).out, "text\nsealed\n");
}

TEST_F(UserNamespaces, WhatTheHostMountedStaysAsItIs) {
  fs::create_directories(base() / "host");
  ASSERT_EQ(::mount("tmpfs", (base() / "host").c_str(), "tmpfs", MS_RDONLY | MS_NOSUID, "size=64k"), 0);
  ASSERT_EQ(::mount(nullptr, (base() / "host").c_str(), nullptr, MS_SHARED, nullptr), 0);
  auto spec = remapped(
      "mount -o remount,bind,rw,nosuid /h 2>/dev/null || echo sealed; mount -t tmpfs t /top && mount -t tmpfs t /top "
      "&& echo mounted; sleep 1000");
  spec.process.capabilities.emplace_back("CAP_SYS_ADMIN");
  spec.seccomp = "unconfined";
  spec.mounts.push_back({"bind", base() / "host", "/h", "", {"rbind", "rprivate"}});
  spec.mounts.push_back({"bind", base() / "host", "/top", "", {"bind", "rshared"}});
  auto live = world().launch(spec);
  EXPECT_EQ(conformance::demultiplex(conformance::read_socket(live.streams.socket.get(), "mounted\n")).out,
            "sealed\nmounted\n");
  std::ifstream table("/proc/self/mountinfo");
  std::size_t found = 0;
  for (std::string line; std::getline(table, line);) found += line.find(base() / "host") != std::string::npos ? 1 : 0;
  EXPECT_EQ(found, 1U) << "what the container mounted came to the host";
  world().kill(std::move(live));
  ::umount2((base() / "host").c_str(), MNT_DETACH);
}

TEST_F(UserNamespaces, LiveMountsAreMapped) {
  fs::create_directories(base() / "volume");
  auto live = world().launch(remapped("sleep 1000"));
  driver().mount(live.id, {"bind", base() / "volume", "/new/volume", "", {"rbind", std::string(kIdMapOption)}}, call());
  driver().mount(live.id, {"tmpfs", "tmpfs", "/new/tmp", "", {}}, call());
  driver().mount(live.id, {"tmpfs", "tmpfs", "/new/user", "", {"uid=1000", "gid=1001"}}, call());
  const Ended ended = world().exec_command(
      live.id,
      {"sh", "-c", "touch /new/volume/made; touch /new/tmp/made; stat -c %u:%g /new /new/volume /new/tmp /new/user"});
  EXPECT_EQ(ended.out, "0:0\n0:0\n0:0\n1000:1001\n") << ended.err;
  EXPECT_EQ(owner_of(base() / "volume/made"), "0:0");
  driver().unmount(live.id, "/new/volume", call());
  world().kill(std::move(live));
}

TEST(UserNamespaceMap, TellsIdsOutside) {
  const std::string map = "0 100000 10\n10 200000 5\n";
  EXPECT_EQ(outside_id(map, 0), 100000U);
  EXPECT_EQ(outside_id(map, 12), 200002U);
  EXPECT_THROW((void)outside_id(map, 15), Error);
  UserNamespace user;
  user.root_uid = user.root_gid = 100000;
  user.uid_map = user.gid_map = map;
  EXPECT_EQ(with_outside_owner("", user), "uid=100000,gid=100000");
  EXPECT_EQ(with_outside_owner("size=1m,uid=10", user), "size=1m,uid=200000,gid=100000");
  EXPECT_THROW((void)with_outside_owner("uid=99", user), Error);
  EXPECT_THROW((void)with_outside_owner("gid=x", user), Error);
}

}  // namespace gantry::native
