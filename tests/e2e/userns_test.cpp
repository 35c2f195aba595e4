// A daemon with userns-remap: the root of its containers is not the host's, everything else is as without, and what is
// on disk serves both.

#include <grp.h>
#include <sys/stat.h>

#include <fstream>

#include "engine.hpp"
#include "subordinate_ids.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;
using nlohmann::json;

std::string owner_of(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return "none";
  return std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid);
}

class Remapped : public BothClients {
 protected:
  static void SetUpTestSuite() { start_with({{"userns-remap", "daemon"}}); }
  static void start_with(const json& config) {
    write_subordinate_ids();
    daemon = std::make_unique<Daemon>(config);
    ASSERT_TRUE(daemon->start()) << daemon->log();
    load_busybox(*daemon);
  }

  static std::string out(const std::string& arguments) {
    const Result result = run(arguments);
    EXPECT_EQ(result.code, 0) << arguments << ": " << result.err;
    return result.out;
  }
  static std::string failure(const std::string& arguments) {
    const Result result = run(arguments);
    EXPECT_NE(result.code, 0) << arguments << ": " << result.out;
    return result.err;
  }
  static fs::path here(const std::string& name) {
    const fs::path folder = daemon->root() / name;
    fs::create_directories(folder);
    return folder;
  }
};
INSTANTIATE_TEST_SUITE_P(By, Remapped, ::testing::Values("gantry", "docker"), client_name);

class RemappedVfs : public Remapped {
 protected:
  static void SetUpTestSuite() { start_with({{"userns-remap", "daemon"}, {"storage-driver", "vfs"}}); }
};
INSTANTIATE_TEST_SUITE_P(By, RemappedVfs, ::testing::Values("gantry"), client_name);

const std::string kMap = "         0     100000      65536\n";

TEST_P(Remapped, RootIsAnotherOne) {
  EXPECT_EQ(out("run --rm busybox cat /proc/self/uid_map /proc/self/gid_map"), kMap + kMap);
  EXPECT_EQ(
      out("run --rm busybox sh -c 'id -u; stat -c %u:%g / /bin/busybox /etc/hosts /etc/resolv.conf /dev/null /dev'"),
      "0\n0:0\n0:0\n0:0\n0:0\n0:0\n0:0\n");
  EXPECT_THAT(out("info --format '{{json .SecurityOptions}}'"), HasSubstr("\"name=userns\""));
  run("run -d --name c1 busybox sleep 1000");
  EXPECT_EQ(owner_of("/proc/" + std::to_string(daemon->inspect("c1", "/State/Pid").get<int>())), "100000:100000");
  EXPECT_EQ(daemon->inspect("c1", "/HostConfig/UsernsMode"), "");
  EXPECT_EQ(out("run --rm --userns=host busybox cat /proc/self/uid_map"), "         0          0 4294967295\n");
}

TEST_P(Remapped, WhatItMakesHasItsIdsOnDisk) {
  out("run --name c1 -v data:/data busybox sh -c 'touch /top /data/file; chown 5:6 /data/file; mkdir /data/dir; rm "
      "/bin/vi'");
  const fs::path volume = daemon->api("GET", "/volumes/data").at("Mountpoint").get<std::string>();
  EXPECT_EQ(owner_of(volume / "file"), "5:6");
  EXPECT_EQ(owner_of(volume / "dir"), "0:0");
  EXPECT_EQ(out("diff c1"), "C /bin\nD /bin/vi\nA /data\nA /top\n");
  // The same without a user namespace.
  EXPECT_EQ(out("run --rm --userns=host -v data:/data busybox stat -c %u:%g /data/file /data/dir"), "5:6\n0:0\n");
  out("commit c1 kept");
  EXPECT_EQ(out("run --rm --userns=host kept stat -c %u:%g /top"), "0:0\n");
  EXPECT_EQ(out("run --rm kept sh -c 'stat -c %u:%g /top; ls /bin/vi || echo gone'"), "0:0\ngone\n");
  run("rm c1");
  run("volume rm data");
  run("rmi kept");
}

TEST_P(Remapped, NewVolumesGetTheImagesFiles) {
  EXPECT_EQ(out("run --rm -v /etc busybox sh -c 'stat -c %u:%g /etc/passwd; touch /etc/new && echo written'"),
            "0:0\nwritten\n");
}

TEST_P(Remapped, TheHostIsNotItsOwn) {
  const fs::path folder = here("host");
  std::ofstream{folder / "file"} << "text\n";
  ::chmod((folder / "file").c_str(), 0644);
  EXPECT_EQ(out("run --rm -v " + folder.string() +
                ":/h busybox sh -c 'stat -c %u:%g /h/file; cat /h/file; (echo x >/h/file) 2>/dev/null || echo refused; "
                "touch /h/new 2>/dev/null || echo refused; chown 0 /h/file 2>/dev/null || echo refused; "
                "mknod /n c 1 3 2>/dev/null || echo refused; ls /proc/1/root/host 2>/dev/null; "
                "(echo 1 >/proc/sys/kernel/panic) 2>/dev/null || echo refused'"),
            "65534:65534\ntext\nrefused\nrefused\nrefused\nrefused\nrefused\n");
  EXPECT_EQ(out("run --rm --cap-add SYS_ADMIN --cap-add SYS_MODULE --cap-add MKNOD --security-opt seccomp=unconfined "
                "busybox sh -c 'mknod /n b 1 1 2>/dev/null || echo refused; mount -o remount,rw /sys 2>/dev/null; "
                "mount -t tmpfs t /mnt 2>/dev/null; (echo 1 >/proc/sys/kernel/panic) 2>/dev/null || echo refused; "
                "(echo c >/proc/sysrq-trigger) 2>/dev/null || echo refused; dmesg -C 2>/dev/null || echo refused'"),
            "refused\nrefused\nrefused\nrefused\n");
  // A directory that -v makes is the container's.
  EXPECT_EQ(out("run --rm -v " + (folder / "made/inner").string() +
                ":/m busybox sh -c 'touch /m/file && stat -c %u /m/file'"),
            "0\n");
  EXPECT_EQ(owner_of(folder / "made/inner/file"), "100000:100000");
  EXPECT_EQ(owner_of(folder / "made"), "100000:100000");
}

TEST_P(Remapped, ReadOnlyBindsAreSoAllTheWayDown) {
  if (is_docker_before(28)) GTEST_SKIP() << "bind-recursive came later";
  const fs::path place = here("bound");
  ASSERT_EQ(shell("chmod 777 " + place.string() + " && mkdir -p " + (place / "below").string() +
                  " && mount -t tmpfs -o mode=777 none " + (place / "below").string())
                .code,
            0);
  const std::string write = " busybox sh -c 'touch /m/x; touch /m/below/x && rm /m/below/x'";
  EXPECT_NE(run("run --rm -v " + place.string() + ":/m:ro" + write).code, 0);
  const std::string mount = "run --rm --mount type=bind,src=" + place.string() + ",dst=/m,readonly";
  EXPECT_NE(run(mount + write).code, 0);
  EXPECT_EQ(run(mount + ",bind-recursive=writable" + write).code, 0);
  EXPECT_NE(run(mount + ",bind-recursive=readonly,bind-propagation=rprivate" + write).code, 0);
  EXPECT_EQ(run(mount + ",bind-recursive=disabled busybox grep -c ' /m' /proc/self/mountinfo").line(), "1");
  shell("umount " + (place / "below").string());
}

TEST_P(Remapped, MappedBindsNeedAClosedPlace) {
  const fs::path closed = here("closed");
  ::chmod(closed.c_str(), 0700);
  fs::create_directories(closed / "inner");
  EXPECT_EQ(
      out("run --rm -v " + (closed / "inner").string() + ":/m:idmap busybox sh -c 'touch /m/file; stat -c %u /m'"),
      "0\n");
  EXPECT_EQ(owner_of(closed / "inner/file"), "0:0");
  if (std::string{GetParam()} == "gantry") {
    EXPECT_EQ(
        out("run --rm --mount type=bind,src=" + (closed / "inner").string() + ",dst=/m,idmap busybox stat -c %u /m"),
        "0\n");
  }
  const fs::path open = std::string{"/var/tmp/gantry-e2e-open-"} + GetParam();
  fs::create_directories(open);
  EXPECT_THAT(failure("run --rm -v " + open.string() + ":/m:idmap busybox true"),
              HasSubstr("idmap: other users of the host can enter " + open.string()));
  // The container's root could open it.
  ::chmod(open.c_str(), 0700);
  EXPECT_THAT(failure("run --rm -v " + open.string() + ":/m:idmap busybox true"), HasSubstr("idmap: other users"));
  fs::remove_all(open);
  EXPECT_THAT(failure("run --rm -v " + open.string() + "/made:/m:idmap busybox true"), HasSubstr("idmap: other users"))
      << "one that is made at the start";
  fs::remove_all(open);
  EXPECT_THAT(failure("run --rm -v data:/m:idmap busybox true"), HasSubstr("invalid mode: idmap"));
}

TEST_P(Remapped, RefusesWhatIsTheHosts) {
  EXPECT_THAT(failure("run --rm --privileged busybox true"),
              HasSubstr("privileged mode is incompatible with user namespaces.  You must run the container in the host "
                        "namespace when running privileged mode"));
  EXPECT_THAT(failure("run --rm --network host busybox true"),
              HasSubstr("cannot share the host's network namespace when user namespaces are enabled"));
  EXPECT_THAT(failure("run --rm --pid host busybox true"),
              HasSubstr("cannot share the host PID namespace when user namespaces are enabled"));
  EXPECT_THAT(failure("run --rm --ipc host busybox true"),
              HasSubstr("cannot share the host IPC namespace when user namespaces are enabled"));
  EXPECT_EQ(out("run --rm --privileged --network host --pid host --ipc host --userns host busybox echo ok"), "ok\n");
  EXPECT_THAT(failure("run --rm -u 70000 busybox true"), HasSubstr("invalid argument"));
}

TEST_P(Remapped, NamespacesAreSharedWithTheUserNamespace) {
  out("run -d --name first --ipc shareable busybox sleep 1000");
  out("run -d --name other --ipc shareable busybox sleep 1000");
  out("run -d --name host --ipc shareable --userns host busybox sleep 1000");
  const std::string pid = std::to_string(daemon->inspect("first", "/State/Pid").get<int>());
  const std::string user = fs::read_symlink("/proc/" + pid + "/ns/user").string() + "\n";
  for (const char* options : {"--network container:first", "--pid container:first", "--ipc container:first",
                              "--network container:first --pid container:first --ipc container:first"}) {
    EXPECT_EQ(out(std::string{"run --rm "} + options + " busybox readlink /proc/self/ns/user"), user) << options;
  }
  EXPECT_EQ(out("run --rm --pid container:first busybox sh -c 'ls -d /proc/1/root/bin >/dev/null && echo seen'"),
            "seen\n")
      << "the other one's files are the same root's";
  EXPECT_THAT(failure("run --rm --network container:host busybox true"), HasSubstr("host's user namespace"));
  EXPECT_THAT(failure("run --rm --network container:first --ipc container:other busybox true"),
              HasSubstr("two user namespaces"));
  EXPECT_EQ(out("run --rm --userns host --network container:first busybox cat /proc/self/uid_map"),
            "         0          0 4294967295\n");
}

TEST_P(Remapped, EverythingElseHolds) {
  EXPECT_EQ(out("run --rm -u 1000:1001 --group-add 5 busybox sh -c 'id -u; id -g; id -G; echo x >/dev/stdout'"),
            "1000\n1001\n1001 5\nx\n");
  EXPECT_EQ(out("run --rm --init busybox sh -c 'cat /proc/1/comm; ping -c 1 127.0.0.1 >/dev/null && echo pong'"),
            "docker-init\npong\n");
  EXPECT_EQ(
      out("run --rm --tmpfs /t:uid=7,mode=700 --device /dev/full:/dev/mine --sysctl net.ipv4.ip_forward=0 --sysctl "
          "kernel.msgmax=4000 --read-only --shm-size 1m --hostname box --cgroupns private busybox sh -c 'stat -c %u "
          "/t; "
          "ls -l /dev/mine | cut -c1; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; hostname; ls "
          "/sys/fs/cgroup >/dev/null && ls /dev/mqueue; (echo x >/new) 2>/dev/null || echo sealed'"),
      "7\nc\n0\n4000\nbox\nsealed\n");
  EXPECT_EQ(out("run --rm --mount type=image,src=busybox,dst=/image busybox stat -c %u:%g /image/bin/busybox"),
            "0:0\n");
  for (const char* user : {"0", "1000"}) {
    EXPECT_EQ(out(std::string{"run --rm --memory 64m -u "} + user +
                  " busybox sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes "
                  "2>/dev/null'; true"),
              "67108864\n");
  }
  EXPECT_EQ(out("run --rm --network none busybox ip -o link | wc -l"), "1\n");
  EXPECT_EQ(out("run --rm busybox ip -o -4 address show eth0 | wc -l"), "1\n");
}

TEST_P(Remapped, ExecIsInTheUserNamespace) {
  out("run -d --name c1 --memory 64m busybox sleep 1000");
  EXPECT_EQ(out("exec c1 cat /proc/self/uid_map"), kMap);
  EXPECT_EQ(out("exec -u 1000 c1 sh -c 'id -u; echo x >/dev/stdout'"), "1000\nx\n");
  EXPECT_EQ(out("exec --privileged c1 sh -c 'cat /proc/self/uid_map; mknod /n c 1 3 2>/dev/null || echo refused'"),
            kMap + "refused\n");
  const auto terminal = background("exec -it -u 1000 c1 sh -c 'stat -c owner:%u $(tty)'", true);
  // crun gives it to the container's own user, with a user namespace or without.
  const std::string owner = oci_runtime() == "crun" ? "owner:0" : "owner:1000";
  EXPECT_TRUE(terminal->wait_for(owner)) << terminal->output();
  out("pause c1");
  out("unpause c1");
  out("update --memory 32m --memory-swap 32m c1");
  EXPECT_THAT(out("top c1"), HasSubstr("sleep 1000"));
  EXPECT_EQ(out("stop -t 1 c1"), "c1\n");
}

TEST_P(Remapped, CopiesHaveTheContainersIds) {
  const fs::path folder = here("copied");
  std::ofstream{folder / "file"} << "text\n";
  ASSERT_EQ(::chown((folder / "file").c_str(), 12, 34), 0);
  out("run -d --name c1 -v data:/data -v " + (here("bound")).string() +
      ":/bound busybox sh -c 'touch /mine; chown 5:6 /mine; echo made; sleep 1000'");
  until([] { return out("logs c1") == "made\n"; });
  ASSERT_EQ(::chown(here("bound").c_str(), 100000, 100000), 0);
  for (const char* state : {"running", "at rest"}) {
    for (const char* place : {"/", "/data", "/bound"}) {
      const std::string target = std::string{"c1:"} + place;
      EXPECT_EQ(run("cp -a " + (folder / "file").string() + " " + target).code, 0) << state << place;
      const std::string copy =
          shell("cd " + folder.string() + "; " + program("gantry").string() + " -H " + daemon->host() + " cp " +
                target + "/file - | tar tvn --numeric-owner | cut -d' ' -f2")
              .out;
      EXPECT_EQ(copy, "12/34\n") << state << place;
    }
    const std::string mine = shell(program("gantry").string() + " -H " + daemon->host() +
                                   " cp c1:/mine - | tar tv --numeric-owner | cut -d' ' -f2")
                                 .out;
    EXPECT_EQ(mine, "5/6\n") << state;
    const std::string exported = shell(program("gantry").string() + " -H " + daemon->host() +
                                       " export c1 | tar tv --numeric-owner mine bin/busybox | cut -d' ' -f2 | sort")
                                     .out;
    EXPECT_EQ(exported, "0/0\n5/6\n") << state;
    if (state == std::string{"running"}) {
      EXPECT_EQ(out("exec c1 stat -c %u:%g /file /data/file /bound/file"), "12:34\n12:34\n12:34\n");
      EXPECT_EQ(owner_of(here("bound") / "file"), "100012:100034");
    }
    run("kill c1");
    run("wait c1");
  }
  run("rm c1");
  run("volume rm data");
}

TEST_P(Remapped, CopiesOfAnIdThatIsNotMappedAreRefused) {
  const fs::path folder = here("beyond");
  std::ofstream{folder / "file"} << "text\n";
  ASSERT_EQ(::chown((folder / "file").c_str(), 70000, 0), 0);
  out("run -d --name c1 busybox sleep 1000");
  EXPECT_THAT(failure("cp -a " + (folder / "file").string() + " c1:/"),
              HasSubstr("Container ID 70000 cannot be mapped to a host ID"));
}

TEST_P(Remapped, BuildsAsAnyDaemon) {
  if (std::string{GetParam()} == "docker") GTEST_SKIP() << "the builder is the daemon's";
  const fs::path folder = here("build");
  std::ofstream{folder / "Dockerfile"}
      << "FROM busybox\nRUN cat /proc/self/uid_map >/map && touch /made && chown 7:8 /made\n"
         "COPY --chown=3:4 file /file\n"
         "RUN --mount=type=cache,target=/cache touch /cache/x && stat -c %u /cache/x >/cached\n"
         "RUN --mount=type=cache,target=/cache touch /cache/y && ls /cache/x\n";
  std::ofstream{folder / "file"} << "text\n";
  EXPECT_EQ(cli("build -t built " + folder.string()).code, 0);
  for (const char* mode : {"", "--userns=host"}) {
    EXPECT_EQ(out(std::string{"run --rm "} + mode + " built sh -c 'cat /map; stat -c %u:%g /made /file; cat /cached'"),
              kMap + "7:8\n3:4\n0\n");
  }
  run("rmi built");
  cli("builder prune -af");
}

TEST_P(Remapped, MountsOfARunningContainerAreEdited) {
  if (std::string{GetParam()} == "docker") GTEST_SKIP() << "docker has no such command";
  out("run -d --name c1 busybox sleep 1000");
  out("update --mount-add type=volume,src=later,dst=/new/volume --mount-add type=tmpfs,dst=/new/tmp c1");
  EXPECT_EQ(out("exec c1 sh -c 'touch /new/volume/x /new/tmp/x; stat -c %u /new /new/volume/x /new/tmp'"), "0\n0\n0\n");
  const fs::path volume = daemon->api("GET", "/volumes/later").at("Mountpoint").get<std::string>();
  EXPECT_EQ(owner_of(volume / "x"), "0:0");
  out("rm -f c1");
  run("volume rm later");
}

TEST_P(Remapped, HealthChecksRun) {
  out("run -d --name c1 --health-cmd 'id -u | grep 0' --health-interval 100ms busybox sleep 1000");
  const auto events = background("events --since 1 --filter container=c1 --filter event=health_status");
  EXPECT_TRUE(events->wait_for("health_status: healthy")) << events->output();
}

TEST_P(RemappedVfs, WorksWithoutOverlays) {
  out("run --name c1 -v data:/data busybox sh -c 'touch /top /data/x; stat -c %u / /bin/busybox'");
  EXPECT_EQ(out("start -a c1"), "0\n0\n");
  EXPECT_EQ(out("run --rm --userns=host -v data:/data busybox stat -c %u:%g /data/x"), "0:0\n");
  EXPECT_EQ(out("run --rm --mount type=image,src=busybox,dst=/image busybox stat -c %u:%g /image/bin/busybox"),
            "0:0\n");
  run("rm c1");
  run("volume rm data");
}

/// One data root, by daemons with the key and without.
TEST(RemapSwitch, TheDataRootServesBoth) {
  write_subordinate_ids();
  Daemon daemon{json{{"live-restore", true}}};
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  EXPECT_EQ(daemon.cli("run -d --name kept -v data:/data busybox sh -c 'touch /before /data/before; sleep 1000'").code,
            0);
  EXPECT_EQ(
      daemon.cli("run --name done -v data:/data busybox sh -c 'touch /x; stat -c %u /x /data; cat /proc/self/uid_map'")
          .out,
      "0\n0\n         0          0 4294967295\n");
  daemon.kill(SIGKILL);
  daemon.write_config({{"live-restore", true}, {"userns-remap", "daemon"}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  // What runs goes on as it was, and can be copied out of.
  EXPECT_EQ(daemon.cli("exec kept cat /proc/self/uid_map").out, "         0          0 4294967295\n");
  EXPECT_EQ(daemon.cli("cp kept:/before - | tar tv --numeric-owner | cut -d' ' -f2").out, "0/0\n");
  EXPECT_EQ(daemon.cli("start -a done").out, "0\n0\n" + kMap);
  EXPECT_EQ(daemon.cli("restart -t 0 kept").code, 0);
  EXPECT_EQ(daemon
                .cli("exec kept sh -c 'cat /proc/self/uid_map; touch /after /before /data/after /data/before; "
                     "stat -c %u /after /before /data/after /data/before'")
                .out,
            kMap + "0\n0\n0\n0\n");
  daemon.kill(SIGKILL);
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_EQ(daemon.cli("exec kept sh -c 'cat /proc/self/uid_map; touch /again'").out, kMap);
  EXPECT_EQ(daemon.cli("cp kept:/again - | tar tv --numeric-owner | cut -d' ' -f2").out, "0/0\n");
  daemon.kill(SIGKILL);
  daemon.write_config({{"live-restore", true}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_EQ(daemon.cli("cp kept:/again - | tar tv --numeric-owner | cut -d' ' -f2").out, "0/0\n");
  EXPECT_EQ(daemon.cli("restart -t 0 kept").code, 0);
  EXPECT_EQ(daemon.cli("exec kept sh -c 'stat -c %u /after /again /data/after'").out, "0\n0\n0\n");
  EXPECT_EQ(daemon.cli("start -a done").out, "0\n0\n         0          0 4294967295\n");
  daemon.cli("rm -f -v kept done");
}

TEST(RemapSwitch, WhoJoinsAnotherHasTheIdsOfThat) {
  write_subordinate_ids();
  const std::string more = shell("cat /etc/subuid").out;
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) std::ofstream{file} << more << "bin:300000:65536\n";
  Daemon daemon{json{{"live-restore", true}, {"userns-remap", "daemon"}}};
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  EXPECT_EQ(daemon.cli("run -d --name kept --ipc shareable busybox sleep 1000").code, 0);
  daemon.kill(SIGKILL);
  daemon.write_config({{"live-restore", true}, {"userns-remap", "bin"}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  EXPECT_EQ(daemon.cli("run --rm busybox cat /proc/self/uid_map").out, "         0     300000      65536\n");
  const Result joined = daemon.cli(
      "run --rm --network container:kept --ipc container:kept -v data:/data busybox sh -c 'cat /proc/self/uid_map; "
      "touch /made /data/made; stat -c %u:%g / /made /data/made /dev /etc/hosts'");
  EXPECT_EQ(joined.out, kMap + "0:0\n0:0\n0:0\n0:0\n0:0\n") << joined.err;
  daemon.cli("rm -f kept");
  daemon.cli("volume rm data");
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) std::ofstream{file} << more;
}

TEST(RemapSetting, IsCheckedAtTheStart) {
  write_subordinate_ids();
  for (const auto& [setting, message] :
       {std::pair{"nosuch", "Error during uid lookup for \"nosuch\""},
        std::pair{"a:b:c", "Invalid user/group specification in --userns-remap: \"a:b:c\""},
        std::pair{"games", "Can't create ID mappings: no subuid ranges found for user \"games\""}}) {
    Daemon daemon{json{{"userns-remap", setting}}};
    EXPECT_FALSE(daemon.start());
    EXPECT_THAT(daemon.log(), HasSubstr(message));
  }
}

TEST(RemapSetting, DefaultNeedsNoAccount) {
  write_subordinate_ids();
  Daemon daemon{json{{"userns-remap", "default"}}};
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  EXPECT_EQ(daemon.cli("run --rm busybox cat /proc/self/uid_map").out, "         0     165536      65536\n");
  EXPECT_EQ(shell("cat /etc/subuid").out, "daemon:100000:65536\ndockremap:165536:65536\n");
}

}  // namespace
}  // namespace gantry::e2e
