// What a container sees and may do, and what it cannot get at.

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "native_fixture.hpp"

namespace gantry::native {

namespace fs = std::filesystem;

class Isolation : public NativeTest {};
class Escape : public NativeTest {};

TEST_F(Isolation, HasNamespacesOfItsOwn) {
  const Ended ended =
      world().run_shell("echo $$; hostname; ls /proc | grep -c '^[0-9]*$'; ip -o link | wc -l; ip -o link");
  EXPECT_TRUE(ended.out.starts_with("1\nbox\n")) << ended.out;
  EXPECT_NE(ended.out.find("LOOPBACK,UP"), std::string::npos) << ended.out;
}

TEST_F(Isolation, ResolvesTheUserFromTheImage) {
  auto spec = world().shell("id -u; id -g; id -G; echo $HOME");
  spec.process.user = "user";
  spec.process.additional_groups = {"more"};
  EXPECT_EQ(world().run(spec).out, "1000\n1000\n1000 2000 3000\n/home/user\n");
  spec = world().shell("id -u; id -g; id -G");
  spec.process.user = "4711:extra";
  EXPECT_EQ(world().run(spec).out, "4711\n2000\n2000\n");
}

TEST_F(Isolation, NamesAnUnknownUserAsDockerDoes) {
  auto spec = world().spec({"true"});
  spec.process.user = "nobody";
  EXPECT_EQ(start_error(spec), "unable to find user nobody: no matching entries in passwd file");
  spec = world().spec({"true"});
  spec.process.user = "root:nogroup";
  EXPECT_EQ(start_error(spec), "unable to find group nogroup: no matching entries in group file");
}

TEST_F(Isolation, NamesWhatCannotBeExecutedAsDockerDoes) {
  world().write("bin/data", "no program");
  EXPECT_EQ(start_error(world().spec({"/nonesuch"})), "exec: \"/nonesuch\": stat /nonesuch: no such file or directory");
  EXPECT_EQ(start_error(world().spec({"/bin/data"})), "exec: \"/bin/data\": permission denied");
  EXPECT_EQ(start_error(world().spec({"/etc"})), "exec: \"/etc\": is a directory");
  fs::permissions(world().root() / "bin/data", fs::perms::owner_all);
  EXPECT_EQ(start_error(world().spec({"/bin/data"})), "exec /bin/data: exec format error");
}

TEST_F(Isolation, DropsCapabilities) {
  const std::string script = "grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|Seccomp:|NoNewPrivs' /proc/self/status";
  const std::string root = world().run_shell(script).out;
  EXPECT_NE(root.find("CapInh:\t0000000000000000"), std::string::npos) << root;
  EXPECT_NE(root.find("CapPrm:\t00000000a80425fb"), std::string::npos) << root;
  EXPECT_NE(root.find("CapEff:\t00000000a80425fb"), std::string::npos) << root;
  EXPECT_NE(root.find("CapBnd:\t00000000a80425fb"), std::string::npos) << root;
  EXPECT_NE(root.find("Seccomp:\t2"), std::string::npos) << root;
  auto spec = world().shell(script);
  spec.process.user = "user";
  spec.process.no_new_privileges = true;
  const std::string user = world().run(spec).out;
  EXPECT_NE(user.find("CapPrm:\t0000000000000000"), std::string::npos) << user;
  EXPECT_NE(user.find("CapBnd:\t00000000a80425fb"), std::string::npos) << user;
  EXPECT_NE(user.find("NoNewPrivs:\t1"), std::string::npos) << user;
  spec = world().shell(script);
  spec.process.user = "user";
  spec.process.ambient_capabilities = {"CAP_NET_BIND_SERVICE"};
  const std::string ambient = world().run(spec).out;
  EXPECT_NE(ambient.find("CapAmb:\t0000000000000400"), std::string::npos) << ambient;
  EXPECT_NE(ambient.find("CapEff:\t0000000000000400"), std::string::npos) << ambient;
}

TEST_F(Isolation, FiltersSystemCalls) {
  EXPECT_NE(world().run_shell("unshare -U true").code, 0);
  auto spec = world().shell("unshare -U true");
  spec.seccomp = "unconfined";
  EXPECT_EQ(world().run(spec).code, 0);
  spec = world().shell("mkfifo /tmp/x || echo refused");
  spec.seccomp = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
      {"names":["mknod","mknodat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]})";
  EXPECT_EQ(world().run(spec).out, "refused\n");
}

TEST_F(Isolation, HidesAndProtectsPaths) {
  const Ended ended = world().run_shell(
      "wc -c < /proc/timer_list; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/panic || echo ro; "
      "touch /sys/x || echo ro; cat /proc/kcore | wc -c; echo x > /proc/sysrq-trigger || echo ro");
  EXPECT_EQ(ended.out, "0\n0\nro\nro\n0\nro\n") << ended.err;
}

TEST_F(Isolation, MakesTheRootReadOnly) {
  auto spec = world().shell("touch /x || echo ro; touch /tmp/y && echo rw; pwd");
  spec.readonly_root = true;
  spec.process.cwd = "/made/here";
  spec.mounts.push_back({"tmpfs", "tmpfs", "/tmp", "", {"size=1m", "nosuid"}});
  EXPECT_EQ(world().run(spec).out, "ro\nrw\n/made/here\n");
}

TEST_F(Isolation, BeginsInADirectoryThatTheUserCannotEnter) {
  fs::create_directories(world().root() / "root/below");
  fs::permissions(world().root() / "root", fs::perms::owner_all);
  ASSERT_EQ(::chown((world().root() / "root/below").c_str(), 4711, 4711), 0);
  fs::permissions(world().root() / "root/below", fs::perms::owner_all);
  for (const char* user : {"user", "root"}) {
    for (const char* directory : {"/root", "/root/below", "/closed"}) {
      auto spec = world().shell("pwd; id -u");
      spec.mounts.push_back({"tmpfs", "tmpfs", "/closed", "", {"mode=700", "uid=4712"}});
      spec.process.user = user;
      spec.process.capabilities = {};
      spec.process.cwd = directory;
      const Ended ended = world().run(spec);
      EXPECT_EQ(ended.out, std::string{directory} + (user[0] == 'u' ? "\n1000\n" : "\n0\n")) << ended.err;
    }
  }
  auto live = world().launch(world().spec({"sleep", "1000"}));
  auto exec = world().exec_spec({"pwd"});
  exec.process.user = "user";
  exec.process.cwd = "/root/below";
  EXPECT_EQ(world().exec(live.id, exec).out, "/root/below\n");
  // To be inside is no right to go on.
  exec = world().exec_spec({"ls"});
  exec.process.user = "user";
  exec.process.cwd = "/root";
  EXPECT_NE(world().exec(live.id, exec).code, 0);
  world().kill(std::move(live));
}

TEST_F(Isolation, BindsWithTheirOptions) {
  fs::create_directories(base() / "data/below");
  ASSERT_EQ(::mount("tmpfs", (base() / "data/below").c_str(), "tmpfs", 0, nullptr), 0);
  std::ofstream(base() / "data/file") << "content";
  auto spec = world().shell(
      "cat /new/dir/file; touch /new/dir/x || echo ro; touch /new/dir/below/x && echo rw; touch /all/below/y || echo "
      "ro; "
      "cat /a/single/file");
  spec.mounts.push_back({"bind", base() / "data", "/new/dir", "", {"rbind", "ro", "rprivate"}});
  spec.mounts.push_back({"bind", base() / "data", "/all", "", {"rbind", "rro", "rslave"}});
  spec.mounts.push_back({"bind", base() / "data/file", "/a/single/file", "", {"bind"}});
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "contentro\nrw\nro\ncontent") << ended.err;
  ::umount((base() / "data/below").c_str());
}

TEST_F(Isolation, PropagatesMountsToASlave) {
  const fs::path shared = base() / "shared";
  fs::create_directories(shared / "inner");
  ASSERT_EQ(::mount(shared.c_str(), shared.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, shared.c_str(), nullptr, MS_SHARED, nullptr), 0);
  auto spec = world().shell("echo ready; read x; ls /slave/inner; ls /private/inner");
  spec.stdio.open_stdin = true;
  spec.mounts.push_back({"bind", shared, "/slave", "", {"rbind", "rslave"}});
  spec.mounts.push_back({"bind", shared, "/private", "", {"rbind", "rprivate"}});
  auto live = world().launch(spec);
  conformance::read_socket(live.streams.socket.get(), "ready\n");
  ASSERT_EQ(::mount("tmpfs", (shared / "inner").c_str(), "tmpfs", 0, nullptr), 0);
  std::ofstream(shared / "inner/seen") << "x";
  conformance::write_socket(live.streams.socket.get(), "\n");
  EXPECT_EQ(world().finish(std::move(live)).out, "seen\n");
  ::umount((shared / "inner").c_str());
  ::umount(shared.c_str());
}

TEST_F(Isolation, MountsAnOverlayOfManyLayers) {
  const fs::path layers = base() / "layers";
  std::string lower = "lowerdir=";
  for (int i = 0; i < 150; ++i) {
    fs::create_directories(layers / std::to_string(i));
    std::ofstream(layers / std::to_string(i) / ("file" + std::to_string(i))) << i;
    lower += std::to_string(i) + ":";
  }
  fs::create_directories(base() / "tmp-upper");
  // An overlay cannot stand on an overlay, which the temporary directory may be.
  ASSERT_EQ(::mount("tmpfs", (base() / "tmp-upper").c_str(), "tmpfs", 0, nullptr), 0);
  fs::create_directories(base() / "tmp-upper/upper");
  fs::create_directories(base() / "tmp-upper/work");
  auto spec = world().shell("cat /file149; ls / | grep -c file; touch /new");
  spec.root = {{"overlay",
                "overlay",
                "",
                layers,
                {lower + world().root().string(), "upperdir=" + (base() / "tmp-upper/upper").string(),
                 "workdir=" + (base() / "tmp-upper/work").string()}}};
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.out, "149150\n") << ended.err;
  EXPECT_TRUE(fs::exists(base() / "tmp-upper/upper/new"));
  ::umount2((base() / "tmp-upper").c_str(), MNT_DETACH);
}

TEST_F(Isolation, MakesDevicesAndLinks) {
  auto spec = world().shell(
      "echo x > /dev/null; head -c 4 /dev/zero | wc -c; readlink /dev/fd; readlink /dev/ptmx; stat -c '%a %t:%T' "
      "/dev/null "
      "/dev/thing; cat /dev/thing > /dev/null && echo open; mknod /dev/kmsg1 c 1 11 && cat /dev/kmsg1 || echo denied");
  spec.devices = {{"/dev/thing", 'c', 1, 5, 0640, 0, 0}};
  const Ended ended = world().run_shell("true");
  EXPECT_EQ(ended.code, 0);
  spec.process.args[2].replace(spec.process.args[2].find("cat /dev/thing > /dev/null && echo open"), 39,
                               "head -c 1 /dev/thing | wc -c");
  EXPECT_EQ(world().run(spec).out, "4\n/proc/self/fd\npts/ptmx\n666 1:3\n640 1:5\n1\ndenied\n");
}

TEST_F(Isolation, ShowsItsCgroupReadOnly) {
  const Ended ended = world().run_shell(
      "ls /sys/fs/cgroup | grep -q -E 'memory|cgroup.procs' && echo shown; touch /sys/fs/cgroup/x || echo ro");
  EXPECT_EQ(ended.out, "shown\nro\n") << ended.err;
}

TEST_F(Isolation, SetsLimitsAndSysctls) {
  auto spec = world().shell("ulimit -n; cat /proc/sys/net/ipv4/ip_default_ttl; cat /proc/self/oom_score_adj");
  spec.process.rlimits = {{"RLIMIT_NOFILE", 512, 512}};
  spec.process.oom_score_adj = 500;
  spec.sysctls = {{"net.ipv4.ip_default_ttl", "77"}};
  EXPECT_EQ(world().run(spec).out, "512\n77\n500\n");
}

TEST_F(Isolation, RunsAnInitThatReapsAndForwards) {
  auto spec = world().shell(
      "trap 'exit 5' TERM; echo $$; cat /proc/1/status | grep -E 'CapPrm|Seccomp:'; echo ready; while :; do sleep "
      "0.05; done");
  spec.init_path = "builtin";
  auto live = world().launch(spec);
  const auto text = conformance::demultiplex(conformance::read_socket(live.streams.socket.get(), "ready\n")).out;
  EXPECT_FALSE(text.starts_with("1\n")) << text;
  EXPECT_NE(text.find("CapPrm:\t00000000a80425fb"), std::string::npos) << text;
  EXPECT_NE(text.find("Seccomp:\t2"), std::string::npos) << text;
  driver().signal(live.id, "", SIGTERM, call());
  EXPECT_EQ(world().finish(std::move(live)).code, 5);
}

TEST_F(Isolation, JoinsAnotherContainersNetwork) {
  auto first = world().launch(world().spec({"sleep", "1000"}));
  auto spec = world().shell("readlink /proc/self/ns/net");
  for (auto& space : spec.namespaces) {
    if (space.kind == "network") space.path = "/proc/" + std::to_string(first.running.pid) + "/ns/net";
  }
  EXPECT_EQ(world().run(spec).out,
            fs::read_symlink("/proc/" + std::to_string(first.running.pid) + "/ns/net").string() + "\n");
  world().kill(std::move(first));
}

TEST_F(Escape, TargetsOfMountsStayInsideTheRoot) {
  fs::create_directories(base() / "outside");
  fs::create_symlink(base() / "outside", world().root() / "absolute");
  fs::create_symlink("../../../../../../../.." / (base() / "outside").relative_path(), world().root() / "relative");
  fs::create_symlink("/proc/1/root" / (base() / "outside").relative_path(), world().root() / "magic");
  fs::create_directories(base() / "source");
  for (const char* link : {"absolute", "relative", "magic"}) {
    auto spec = world().spec({"true"});
    spec.mounts.push_back({"bind", base() / "source", std::string("/") + link + "/made", "", {"rbind"}});
    spec.mounts.push_back({"tmpfs", "tmpfs", std::string("/") + link + "/tmp", "", {}});
    start_error(spec);
    EXPECT_TRUE(fs::is_empty(base() / "outside")) << link;
  }
}

TEST_F(Escape, TheWorkingDirectoryCannotBeADescriptorOfTheHost) {
  for (int fd = 0; fd < 24; ++fd) {
    auto spec = world().shell("ls ../../../../../../../.. | grep -c root");
    spec.process.cwd = "/proc/self/fd/" + std::to_string(fd);
    EXPECT_NE(start_error(spec), "") << spec.process.cwd;
  }
  fs::create_symlink("/proc/self/fd/7/../../..", world().root() / "link");
  auto spec = world().spec({"pwd"});
  spec.process.cwd = "/link";
  EXPECT_NE(start_error(spec), "");
}

TEST_F(Escape, AnExecsWorkingDirectoryNeither) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  for (int fd = 3; fd < 24; ++fd) {
    auto exec = world().exec_spec({"pwd"});
    exec.process.cwd = "/proc/self/fd/" + std::to_string(fd);
    EXPECT_THROW(world().exec(live.id, exec), Error) << exec.process.cwd;
  }
  world().kill(std::move(live));
}

TEST_F(Escape, ProcSelfExeIsNoWayToTheShim) {
  // CVE-2019-5736: the image's program is a link to /proc/self/exe, or a script that opens the executing file.
  fs::remove(world().root() / "bin/true");
  fs::create_symlink("/proc/self/exe", world().root() / "bin/true");
  auto spec = world().spec({"/bin/true"});
  auto live = world().launch(spec);
  world().finish(std::move(live));
  auto with_init = world().shell(
      "echo evil > /proc/1/exe || echo refused; dd if=/dev/zero of=/proc/1/exe conv=notrunc "
      "count=1 2>/dev/null || echo refused");
  with_init.init_path = "builtin";
  with_init.process.capabilities.push_back("CAP_SYS_PTRACE");
  EXPECT_EQ(world().run(with_init).out, "refused\nrefused\n");
  EXPECT_EQ(world().run_shell("echo still works").out, "still works\n");
}

TEST_F(Escape, NoDescriptorOfTheHostIsOpenInside) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  EXPECT_EQ(world().exec_command(live.id, {"ls", "/proc/1/fd"}).out, "0\n1\n2\n");
  // Of its own ls has the directory open besides.
  EXPECT_EQ(world().exec_command(live.id, {"ls", "/proc/self/fd"}).out, "0\n1\n2\n3\n");
  world().kill(std::move(live));
}

TEST_F(Escape, AHostilePasswdFileDoesNotBlock) {
  fs::remove(world().root() / "etc/passwd");
  ASSERT_EQ(::mkfifo((world().root() / "etc/passwd").c_str(), 0666), 0);
  EXPECT_EQ(world().run_shell("echo ok").out, "ok\n");
  fs::remove(world().root() / "etc/passwd");
  fs::create_symlink("/dev/zero", world().root() / "etc/passwd");
  EXPECT_EQ(world().run_shell("echo ok").out, "ok\n");
  fs::remove(world().root() / "etc/passwd");
  world().write("etc/passwd", std::string(std::size_t{1} << 20, 'a'));
  fs::resize_file(world().root() / "etc/passwd", std::uintmax_t{1} << 36);
  EXPECT_EQ(world().run_shell("echo ok").out, "ok\n");
}

}  // namespace gantry::native
