// The options of `create` and `run`: what the process in the container sees of them, and what inspect says.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Options : public BothClients {
 protected:
  void SetUp() override {
    BothClients::SetUp();
    if (!IsSkipped() && is_docker_before(28)) GTEST_SKIP() << "some of these options came later";
  }
  /// The value of one variable of `env`'s output.
  static std::string variable(const Result& env, const std::string& name) {
    for (const std::string& line : env.lines()) {
      if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
    }
    return "(none)";
  }
};
INSTANTIATE_TEST_SUITE_P(By, Options, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Options, SysctlsAreTheContainersOwn) {
  const Result defaults =
      run("run --rm -u 1000 busybox sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; "
          "ping -c1 -w5 127.0.0.1 | head -1'");
  EXPECT_EQ(defaults.line(), "0") << defaults.err;
  EXPECT_THAT(defaults.out, HasSubstr("PING 127.0.0.1")) << defaults.err;
  // Of the interface, which comes after the namespace.
  const Result interface =
      run("run --rm --sysctl net.ipv4.conf.eth0.forwarding=0 --sysctl kernel.shmmax=12345678 --sysctl "
          "net.ipv4.ip_unprivileged_port_start=1000 busybox sh -c 'cat /proc/sys/net/ipv4/conf/eth0/forwarding "
          "/proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_unprivileged_port_start'");
  EXPECT_EQ(interface.out, "0\n12345678\n1000\n") << interface.err;
  EXPECT_THAT(run("run --rm --sysctl net.ipv4.conf.eth9.forwarding=0 busybox true").err,
              HasSubstr("/proc/sys/net/ipv4/conf/eth9/forwarding: no such file or directory"));
  EXPECT_THAT(run("run --rm --network host --sysctl net.ipv4.ip_forward=1 busybox true").err,
              HasSubstr("sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace"));
  EXPECT_THAT(run("run --rm --ipc host --sysctl kernel.shmmax=1 busybox true").err,
              HasSubstr("sysctl \"kernel.shmmax\" is not allowed in the hosts ipc namespace"));
  // By way of a container that has them.
  run("run -d --name hosts --network host --ipc host busybox sleep 1000");
  EXPECT_THAT(run("run --rm --network container:hosts --sysctl net.ipv4.ip_forward=1 busybox true").err,
              HasSubstr("sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace"));
}

TEST_P(Options, IpcIsPrivateSharedTheHostsOrNone) {
  run("run -d --name sharer --ipc shareable --shm-size 1m busybox sleep 1000");
  run("exec sharer sh -c 'echo hello >/dev/shm/f'");
  EXPECT_EQ(run("run --rm --ipc container:sharer busybox cat /dev/shm/f").line(), "hello");
  EXPECT_EQ(
      run("run --rm --ipc container:sharer busybox sh -c 'df -k /dev/shm | tail -1 | awk \"{print \\$2}\"'").line(),
      "1024");
  run("run -d --name alone --ipc private busybox sleep 1000");
  const Result refused = run("run --rm --ipc container:alone busybox true");
  EXPECT_EQ(refused.code, 125);
  EXPECT_THAT(refused.err, HasSubstr("non-shareable IPC (hint: use IpcMode:shareable for the donor container)"));
  EXPECT_EQ(run("run --rm --ipc none busybox ls /dev/shm").code, 1);
  const Result host = run("run --rm --ipc host busybox sh -c 'readlink /proc/self/ns/ipc'");
  EXPECT_EQ(host.line(), std::filesystem::read_symlink("/proc/self/ns/ipc").string()) << host.err;
}

TEST_P(Options, LinksTellOfTheOtherContainer) {
  run("run -d --name db -e SECRET=x --expose 80-81 --expose 90/udp busybox sleep 1000");
  const std::string address = daemon->inspect("db", "/NetworkSettings/Networks/bridge/IPAddress").get<std::string>();
  const Result env = run("run --rm --name web --link db:the-db busybox env");
  EXPECT_EQ(variable(env, "THE_DB_PORT"), "tcp://" + address + ":80") << env.err;
  EXPECT_EQ(variable(env, "THE_DB_PORT_80_TCP_END"), "tcp://" + address + ":81");
  EXPECT_EQ(variable(env, "THE_DB_PORT_90_UDP_PROTO"), "udp");
  EXPECT_EQ(variable(env, "THE_DB_NAME"), "/web/the-db");
  EXPECT_EQ(variable(env, "THE_DB_ENV_SECRET"), "x");
  const std::string id = daemon->inspect("db", "/Config/Hostname").get<std::string>();
  EXPECT_THAT(run("run --rm --link db:alias busybox cat /etc/hosts").out,
              HasSubstr(address + "\talias " + id + " db\n"));
  EXPECT_EQ(run("run --rm --link db busybox ping -c1 -w5 db").code, 0);
  run("create --name later --link db:alias busybox");
  run("rename db renamed");
  EXPECT_EQ(daemon->inspect("later", "/HostConfig/Links").dump(), R"(["/renamed:/later/alias"])");
  run("stop -t 0 renamed");
  const Result stopped = run("start later");
  EXPECT_THAT(stopped.err, HasSubstr("Cannot link to a non running container: /renamed AS /later/alias"));
  EXPECT_THAT(run("run --rm --link nobody busybox true").err,
              HasSubstr("could not get container for nobody: No such container: nobody"));
}

TEST_P(Options, LinksFollowTheOtherContainersAddress) {
  run("run -d --name db busybox sleep 1000");
  const auto address = [] {
    return daemon->inspect("db", "/NetworkSettings/Networks/bridge/IPAddress").get<std::string>();
  };
  run("run -d --name web --link db:alias busybox sleep 1000");
  run("stop -t 0 db");
  run("run -d --name more busybox sleep 1000");
  run("start db");
  EXPECT_THAT(run("exec web cat /etc/hosts").out, HasSubstr("\n" + address() + "\talias "));
  EXPECT_EQ(run("exec web ping -c1 -w5 alias").code, 0);
}

TEST_P(Options, VolumesCanBeMountedInPart) {
  run("volume create parts");
  run("run --rm -v parts:/d busybox sh -c 'mkdir -p /d/sub/deep; echo content >/d/sub/file; ln -s / /d/out; ln -s sub "
      "/d/in; ln -s /proc/1/root /d/magic'");
  const std::string mount = "run --rm --mount type=volume,src=parts,dst=/m,volume-subpath=";
  EXPECT_EQ(run(mount + "sub busybox cat /m/file").line(), "content");
  EXPECT_EQ(run(mount + "in busybox cat /m/file").line(), "content");
  EXPECT_EQ(run(mount + "sub/file busybox cat /m").line(), "content");
  EXPECT_EQ(run(mount + "sub,readonly busybox touch /m/x").code, 1);
  for (const char* escape : {"out", "out/etc", "magic"}) {
    const Result out = run(mount + std::string(escape) + " busybox true");
    EXPECT_NE(out.code, 0);
    EXPECT_THAT(out.err, HasSubstr("path concatenation escapes the base directory"));
  }
  EXPECT_THAT(run(mount + "none busybox true").err,
              AllOf(HasSubstr("cannot access path"), HasSubstr("/none: no such")));
  for (const char* wrong : {"../x", "/sub", "sub/../../x"}) {
    EXPECT_THAT(run(mount + std::string(wrong) + " busybox true").err,
                HasSubstr("subpath must be a relative path within the volume"));
  }
  EXPECT_THAT(run("run --rm --mount type=volume,dst=/m,volume-subpath=sub busybox true").err,
              HasSubstr("must not set Subpath when using anonymous volumes"));
  // What is copied out of a container that does not run is what the container would see.
  run("create --name parted --mount type=volume,src=parts,dst=/m,volume-subpath=sub busybox");
  const std::string archive = "http://d/containers/parted/archive?path=/m/file";
  EXPECT_EQ(shell("curl -s --unix-socket " + daemon->socket().string() + " " + archive + " | tar -xO").line(),
            "content");
  EXPECT_EQ(daemon->inspect("parted", "/HostConfig/Mounts/0/VolumeOptions/Subpath"), "sub");
  run("rm parted");
  run("volume rm parts");
}

TEST_P(Options, ImagesCanBeMounted) {
  const std::string mount = "--mount type=image,src=busybox,dst=/image";
  const Result seen = run("run --rm " + mount + " busybox sh -c 'ls /image/bin/busybox; touch /image/x'");
  EXPECT_EQ(seen.out, "/image/bin/busybox\n") << seen.err;
  EXPECT_THAT(seen.err, HasSubstr("Read-only file system"));
  EXPECT_EQ(run("run --rm " + mount + ",image-subpath=bin busybox ls /image/busybox").line(), "/image/busybox");
  EXPECT_THAT(run("run --rm " + mount + ",image-subpath=none busybox true").err, HasSubstr("cannot access path"));
  EXPECT_THAT(run("run --rm --mount type=image,src=nosuchimage,dst=/image busybox true").err,
              HasSubstr("o such image"));
  run("create --name holder " + mount + " busybox ls /image/bin/busybox");
  EXPECT_EQ(daemon->inspect("holder", "/Mounts/0/Type"), "image");
  EXPECT_EQ(daemon->inspect("holder", "/Mounts/0/RW"), false);
  EXPECT_EQ(run("start -a holder").line(), "/image/bin/busybox");
  EXPECT_EQ(run("start -a holder").line(), "/image/bin/busybox");
}

TEST_P(Options, ReadOnlyBindsAreSoAllTheWayDown) {
  const std::string place = (daemon->root() / "bound").string();
  ASSERT_EQ(shell("mkdir -p " + place + "/below && mount -t tmpfs none " + place + "/below").code, 0);
  const std::string write = " busybox sh -c 'touch /m/x; touch /m/below/x && rm /m/below/x'";
  EXPECT_NE(run("run --rm -v " + place + ":/m:ro" + write).code, 0);
  const std::string mount = "run --rm --mount type=bind,src=" + place + ",dst=/m,readonly";
  EXPECT_NE(run(mount + write).code, 0);
  EXPECT_EQ(run(mount + ",bind-recursive=writable" + write).code, 0);
  EXPECT_NE(run(mount + ",bind-recursive=readonly,bind-propagation=rprivate" + write).code, 0);
  EXPECT_EQ(run(mount + ",bind-recursive=disabled busybox grep -c ' /m' /proc/self/mountinfo").line(), "1");
  EXPECT_THAT(run(mount + ",bind-recursive=readonly busybox true").err,
              HasSubstr("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate'"));
  shell("umount " + place + "/below");
}

TEST_P(Options, PropagationNeedsASourceThatHasIt) {
  const std::string place = (daemon->root() / "shared").string();
  ASSERT_EQ(
      shell("mkdir -p " + place + " && mount --bind " + place + " " + place + " && mount --make-private " + place).code,
      0);
  const std::string mount = "run --rm --mount type=bind,src=" + place + ",dst=/m,bind-propagation=";
  EXPECT_THAT(run(mount + "rshared busybox true").err,
              HasSubstr("path " + place + " is mounted on " + place + " but it is not a shared mount"));
  EXPECT_THAT(run("run --rm -v " + place + ":/m:slave busybox true").err,
              HasSubstr("path " + place + " is mounted on " + place + " but it is not a shared or slave mount"));
  ASSERT_EQ(shell("mount --make-shared " + place).code, 0);
  EXPECT_THAT(run(mount + "rshared busybox grep ' /m ' /proc/self/mountinfo").out, HasSubstr("shared:"));
  EXPECT_THAT(run(mount + "rslave busybox grep ' /m ' /proc/self/mountinfo").out, HasSubstr("master:"));
  shell("umount " + place);
}

TEST_P(Options, NamesAndHostsAreAsDockerWritesThem) {
  EXPECT_THAT(run("run --rm -h foo.bar busybox tail -1 /etc/hosts").out, HasSubstr("\tfoo.bar foo\n"));
  EXPECT_THAT(run("run --rm -h foo --domainname bar.baz busybox sh -c 'cat /proc/sys/kernel/domainname; tail -1 "
                  "/etc/hosts'")
                  .out,
              AllOf(HasSubstr("bar.baz\n"), HasSubstr("\tfoo.bar.baz foo\n")));
  EXPECT_THAT(run("run --rm --uts host -h foo busybox true").err,
              HasSubstr("conflicting options: hostname and the UTS mode"));
  const std::string gateway = run("network inspect bridge -f '{{(index .IPAM.Config 0).Gateway}}'").line();
  for (const char* network : {"bridge", "host", "none"}) {
    EXPECT_EQ(run(std::string("run --rm --network ") + network +
                  " --add-host h=host-gateway busybox sh -c 'grep h$ /etc/hosts'")
                  .line(),
              gateway + "\th");
  }
}

// What only root may read does not become everybody's.
TEST_P(Options, ATmpfsHasTheModeOfWhatItCovers) {
  if (!oci_runtime().empty()) GTEST_SKIP() << "the runtime decides: crun 1.8 gives it 1777";
  run("run --name closed busybox chmod 750 /root");
  run("commit closed closed:1");
  EXPECT_EQ(run("run --rm --tmpfs /root closed:1 stat -c %a /root").line(), "750");
  EXPECT_EQ(run("run --rm --mount type=tmpfs,dst=/root closed:1 stat -c %a /root").line(), "750");
  EXPECT_EQ(run("run --rm --tmpfs /root:mode=711 closed:1 stat -c %a /root").line(), "711");
  EXPECT_EQ(run("run --rm --tmpfs /new closed:1 stat -c %a /new").line(), "1777");
  run("rm closed");
  run("rmi closed:1");
}

TEST_P(Options, TmpfsTakesTheOptionsThatDockerdLetsThrough) {
  const Result seen =
      run("run --rm --tmpfs /m:size=1m,mode=1700,uid=5,exec --tmpfs /n busybox sh -c 'grep -E \" /(m|n) \" "
          "/proc/self/mountinfo; stat -c %u:%a /m'");
  EXPECT_THAT(seen.out, AllOf(HasSubstr("/m rw,nosuid,nodev,relatime"), HasSubstr("size=1024k,mode=1700,uid=5"),
                              HasSubstr("/n rw,nosuid,nodev,noexec,relatime"), HasSubstr("5:1700")))
      << seen.err;
  EXPECT_THAT(run("run --rm --tmpfs /m:bogus=1 busybox true").err, HasSubstr("invalid tmpfs option \"bogus\""));
  EXPECT_THAT(run("run --rm --tmpfs m busybox true").err,
              HasSubstr("invalid mount path: 'm' mount path must be absolute"));
}

TEST_P(Options, VolumesFromTakesAModeForAll) {
  run("create --name from -v /anon -v /tmp:/host --tmpfs /not busybox");
  EXPECT_EQ(run("run --rm --volumes-from from:ro busybox touch /anon/x").code, 1);
  EXPECT_EQ(run("run --rm --volumes-from from busybox touch /anon/x").code, 0);
  EXPECT_EQ(run("run --rm --volumes-from from busybox grep -cE ' /(anon|host|not) ' /proc/self/mountinfo").line(), "2");
  EXPECT_THAT(run("run --rm --volumes-from from:ro:x busybox true").err, HasSubstr("invalid mode: ro:x"));
  EXPECT_THAT(run("run --rm --volumes-from nobody busybox true").err, HasSubstr("No such container: nobody"));
  run("rm -v from");
}

TEST_P(Options, LogsCarryWhatTheyAreAskedTo) {
  const std::string options =
      "--log-opt labels=a --log-opt env-regex=^E --log-opt tag={{.Name}}/{{.ImageName}} -l a=1 -l b=2 -e EE=3 -e F=4 ";
  EXPECT_EQ(run("run --name logged " + options + "busybox echo hi").code, 0);
  EXPECT_EQ(run("logs --details logged").out, "EE=3,a=1,tag=logged%2Fbusybox hi\n");
  const std::string file = daemon->inspect("logged", "/LogPath").get<std::string>();
  EXPECT_THAT(shell("cat " + file).out,
              HasSubstr(R"("stream":"stdout","attrs":{"EE":"3","a":"1","tag":"logged/busybox"},"time":)"));
  EXPECT_EQ(run("run --rm --log-opt mode=non-blocking --log-opt max-buffer-size=1m busybox echo hi").out, "hi\n");
  EXPECT_THAT(run("create --log-opt bogus=1 busybox").err,
              HasSubstr("unknown log opt 'bogus' for json-file log driver"));
  EXPECT_THAT(run("create --log-driver bogus busybox").err,
              HasSubstr("error looking up logging plugin bogus: plugin \"bogus\" not found"));
  // A value that is wrong is told at the start, as dockerd does.
  EXPECT_EQ(run("create --name wrong --log-opt max-size=x busybox").code, 0);
  EXPECT_THAT(run("start wrong").err, HasSubstr("failed to initialize logging driver: invalid size: 'x'"));
  run("run --name local --log-driver local busybox echo kept");
  EXPECT_EQ(run("logs local").out, "kept\n");
  EXPECT_EQ(daemon->inspect("local", "/LogPath"), "");
}

TEST_P(Options, SecurityOptionsOfModulesThatTheHostLacksAreAccepted) {
  for (const char* option : {"apparmor=unconfined", "label=disable", "label=type:svirt_t", "label:level:s0"}) {
    EXPECT_EQ(run(std::string("run --rm --security-opt ") + option + " busybox true").code, 0) << option;
  }
  EXPECT_EQ(run("run --rm --privileged --security-opt seccomp=builtin busybox grep Seccomp: /proc/self/status").line(),
            "Seccomp:\t0");
  EXPECT_EQ(run("run --rm --runtime io.containerd.runc.v2 busybox true").code, 0);
  const Result platform = run("run --rm --pull never --platform linux/arm64 busybox true");
  EXPECT_EQ(platform.code, 125);
  EXPECT_THAT(platform.err, HasSubstr("image with reference busybox was found but does not match the specified "
                                      "platform: wanted linux/arm64, actual: linux/amd64"));
}

TEST_P(Options, CgroupsCanBeMadeWritable) {
  // A cgroup below the container's own.
  const bool unified = std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers");
  const std::string make = std::string(" busybox mkdir /sys/fs/cgroup/") + (unified ? "" : "pids/") + "mine";
  EXPECT_NE(run("run --rm --cgroupns private" + make).code, 0);
  EXPECT_EQ(run("run --rm --cgroupns private --security-opt writable-cgroups=true" + make).code, 0);
  EXPECT_THAT(run("create --security-opt writable-cgroups=x busybox").err, HasSubstr("invalid --security-opt"));
}

struct Limit {
  const char* options;
  const char* v1;  ///< The file below /sys/fs/cgroup, and what it holds.
  const char* v1_value;
  const char* v2;
  const char* v2_value;
};

constexpr Limit kLimits[] = {
    {"--cpu-shares 512", "cpu/cpu.shares", "512", "cpu.weight", "20"},
    {"--cpu-period 50000 --cpu-quota 25000", "cpu/cpu.cfs_quota_us", "25000", "cpu.max", "25000 50000"},
    {"--cpuset-cpus 0", "cpuset/cpuset.cpus", "0", "cpuset.cpus", "0"},
    {"--cpuset-mems 0", "cpuset/cpuset.mems", "0", "cpuset.mems", "0"},
    {"-m 64m", "memory/memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
    {"-m 64m --memory-swap 96m", "memory/memory.memsw.limit_in_bytes", "100663296", "memory.swap.max", "33554432"},
    {"--memory-reservation 32m", "memory/memory.soft_limit_in_bytes", "33554432", "memory.low", "33554432"},
    {"--pids-limit 50", "pids/pids.max", "50", "pids.max", "50"},
    {"--pids-limit -1", "pids/pids.max", "max", "pids.max", "max"},
};

TEST_P(Options, LimitsReachTheCgroup) {
  const bool unified = std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers");
  for (const Limit& limit : kLimits) {
    const std::string file = std::string("/sys/fs/cgroup/") + (unified ? limit.v2 : limit.v1);
    const Result seen = run(std::string("run --rm ") + limit.options + " busybox cat " + file);
    EXPECT_EQ(seen.line(), unified ? limit.v2_value : limit.v1_value) << limit.options << ": " << seen.err;
  }
  EXPECT_EQ(run("run --rm --oom-score-adj 500 busybox cat /proc/self/oom_score_adj").line(), "500");
  EXPECT_EQ(
      run("run --rm --ulimit nofile=100:200 --ulimit core=0 busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c'").out,
      "100\n200\n0\n");
  EXPECT_EQ(run("run --rm --shm-size 1m busybox df -k /dev/shm | tail -1 | awk '{print $2}'").line(), "1024");
  EXPECT_THAT(run("create --cpuset-cpus x busybox").err,
              HasSubstr("Invalid value x for cpuset cpus: invalid format: x"));
  EXPECT_THAT(run("create --cpu-rt-runtime 1000 --cpu-rt-period 100 busybox").err,
              HasSubstr("cpu real-time runtime cannot be higher than cpu real-time period"));
  EXPECT_THAT(run("run --rm --device-read-bps /dev/nope:1mb busybox true").err,
              HasSubstr("stat /dev/nope: no such file or directory"));
}

TEST_P(Options, SurviveTheDaemon) {
  run("volume create parts");
  run("run --rm -v parts:/d busybox sh -c 'mkdir /d/sub; touch /d/sub/here'");
  run("run -d --name db --expose 80 --ipc shareable busybox sleep 1000");
  ASSERT_EQ(
      run("create --name all --link db:other --mount type=volume,src=parts,dst=/m,volume-subpath=sub --sysctl "
          "net.ipv4.conf.eth0.forwarding=0 --log-opt tag=t --device /dev/null:/dev/mine:r --tmpfs /t:size=1m "
          "--ipc container:db --annotation a=b busybox sh -c 'env | grep OTHER_PORT=; ls /m; ls /dev/mine; grep -c "
          "\" /t \" /proc/self/mountinfo; readlink /proc/self/ns/ipc'")
          .code,
      0);
  const auto before = daemon->inspect("all", "/HostConfig");
  daemon->kill(SIGKILL);
  daemon->wait();
  ASSERT_TRUE(daemon->start());
  EXPECT_EQ(daemon->inspect("all", "/HostConfig"), before);
  const Result seen = run("start -a all");
  const std::string address = daemon->inspect("db", "/NetworkSettings/Networks/bridge/IPAddress").get<std::string>();
  const std::string ipc = run("exec db readlink /proc/self/ns/ipc").line();
  EXPECT_EQ(seen.out, "OTHER_PORT=tcp://" + address + ":80\nhere\n/dev/mine\n1\n" + ipc + "\n") << seen.err;
  run("rm all");
  run("volume rm parts");
}

/// With a folder of CDI files of its own.
class NamedDevices : public Options {
 protected:
  static void SetUpTestSuite() {
    folder = shell("mktemp -d /tmp/gantry-cdi-XXXXXX").line();
    daemon = std::make_unique<Daemon>(nlohmann::json{{"cdi-spec-dirs", {folder}}});
    ASSERT_TRUE(daemon->start()) << daemon->log();
    load_busybox(*daemon);
  }
  static void TearDownTestSuite() {
    Engine::TearDownTestSuite();
    std::filesystem::remove_all(folder);
  }
  static inline std::string folder;
};
INSTANTIATE_TEST_SUITE_P(By, NamedDevices, ::testing::Values("gantry", "docker"), client_name);

TEST_P(NamedDevices, BringNodesMountsAndVariables) {
  std::ofstream(folder + "/vendor.yaml") << "cdiVersion: 0.5.0\nkind: vendor.com/class\ncontainerEdits:\n  env:\n"
                                            "  - FROM_CDI=all\ndevices:\n- name: one\n  containerEdits:\n"
                                            "    deviceNodes:\n    - path: /dev/one\n      hostPath: /dev/null\n"
                                            "    mounts:\n    - hostPath: /etc/hostname\n"
                                            "      containerPath: /from-host\n      options: [\"ro\"]\n";
  const Result seen = run(
      "run --rm --device vendor.com/class=one busybox sh -c 'echo $FROM_CDI; ls /dev/one /from-host; echo x >/dev/one; "
      "touch /from-host'");
  EXPECT_EQ(seen.out, "all\n/dev/one\n/from-host\n") << seen.err;
  EXPECT_THAT(seen.err, HasSubstr("Read-only file system"));
  EXPECT_THAT(run("run --rm --device vendor.com/class=two busybox true").err,
              HasSubstr("CDI device injection failed: unresolvable CDI devices vendor.com/class=two"));
  EXPECT_THAT(run("run --rm --gpus all busybox true").err,
              HasSubstr("could not select device driver \"\" with capabilities: [[gpu]]"));
  std::ofstream(folder + "/gpu.json") << R"({"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[
    {"name":"all","containerEdits":{"env":["GPUS=all"]}}]})";
  EXPECT_EQ(run("run --rm --gpus all busybox sh -c 'echo $GPUS'").line(), "all");
}

}  // namespace
}  // namespace gantry::e2e
