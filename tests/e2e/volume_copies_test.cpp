// Copies of volumes, other names for them, and their data as tar: what gantry has beyond Docker.

#include <sys/xattr.h>

#include <array>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// What was made with gantry is used and looked at by both clients.
class VolumeCopies : public BothClients {
 protected:
  void TearDown() override {
    if (!IsSkipped()) cli("volume prune -af");
    BothClients::TearDown();
  }
  /// A volume with one of each kind, and what it looks like from inside.
  static void fill(const std::string& volume) {
    const Result made = run("run --rm -v " + volume +
                            ":/v busybox sh -c 'cd /v; chmod 1770 .; chown 7:8 .; echo hello >file; ln file hard; "
                            "ln -s /etc/passwd link; mkdir -m 700 dir; echo deep >dir/deep; chown -R 33:44 dir; "
                            "mknod pipe p; mknod null c 1 3; chmod 4755 file; touch -d 2020-02-03 dir/deep dir; "
                            "dd if=/dev/zero of=sparse bs=1 count=1 seek=16M 2>/dev/null'");
    ASSERT_EQ(made.code, 0) << made.err;
    ASSERT_EQ(::setxattr((place(volume) + "/file").c_str(), "user.note", "kept", 4, 0), 0);
  }
  static std::string place(const std::string& volume) {
    return cli("volume inspect -f '{{.Mountpoint}}' " + volume).line();
  }
  static std::string note(const std::string& volume) {
    std::array<char, 16> value{};
    (void)::getxattr((place(volume) + "/file").c_str(), "user.note", value.data(), value.size());
    return value.data();
  }
  static std::string look(const std::string& volume) {
    return run("run --rm -v " + volume +
               ":/v:ro busybox sh -c 'cd /v; find . | sort | xargs stat -c \"%n %F %a %u %g "
               "%h %t %T %s\"; stat -c %Y dir dir/deep; cat file dir/deep; readlink link'")
               .out +
           note(volume);
  }
  static long blocks(const std::string& volume) {
    return std::stol(shell("stat -c %b " + place(volume) + "/sparse").line());
  }
};
INSTANTIATE_TEST_SUITE_P(By, VolumeCopies, ::testing::Values("gantry", "docker"), client_name);

TEST_P(VolumeCopies, CloneHasAllOfIt) {
  fill("data");
  const std::string before = look("data");
  EXPECT_THAT(before, AllOf(HasSubstr("hello"), HasSubstr("kept")));
  EXPECT_EQ(cli("volume clone --label kind=copy data other").line(), "other");
  EXPECT_EQ(look("other"), before);
  EXPECT_LT(blocks("other"), 100) << "holes stay holes";
  EXPECT_EQ(run("volume inspect -f '{{index .Labels \"gantry.volume.copy-of\"}} {{.Labels.kind}}' other").line(),
            "data copy");
  EXPECT_EQ(run("run --rm -v other:/v busybox sh -c 'echo changed >/v/file'").code, 0);
  EXPECT_EQ(look("data"), before);
  EXPECT_THAT(cli("volume clone data other").err, HasSubstr("a volume of that name exists"));
  EXPECT_THAT(cli("volume clone nothing more").err, HasSubstr("get nothing: no such volume"));
  EXPECT_THAT(cli("volume clone data a/b").err, HasSubstr("includes invalid characters for a local volume name"));
}

TEST_P(VolumeCopies, SnapshotIsReadOnly) {
  fill("data");
  const std::string before = look("data");
  const std::string name = cli("volume snapshot data").line();
  EXPECT_THAT(name, HasSubstr("data-2"));
  run("run --rm -v data:/v busybox rm -r /v/dir");
  EXPECT_EQ(look(name), before);
  EXPECT_THAT(run("run --rm -v " + name + ":/v busybox touch /v/x").err, HasSubstr("Read-only file system"));
  EXPECT_EQ(cli("volume clone " + name + " back").line(), "back");
  EXPECT_EQ(run("run --rm -v back:/v busybox touch /v/x").code, 0) << "a clone of a snapshot may be written";
  EXPECT_THAT(run("volume inspect " + name).out, HasSubstr("ReadOnly"));
}

TEST_P(VolumeCopies, WaitsForWritersToStop) {
  const std::string id = run("run -d --name box -v data:/v busybox sh -c 'echo x >/v/file; exec sleep 1000'").line();
  const Result refused = cli("volume clone data other");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("clone data: containers that run may write to the volume - [" + id + "]"));
  EXPECT_THAT(cli("volume ls -q").out, Not(HasSubstr("other")));
  run("pause box");
  EXPECT_EQ(cli("volume clone data paused").code, 0);
  run("unpause box");
  EXPECT_EQ(cli("volume clone --force data forced").code, 0);
  EXPECT_THAT(cli("volume rename data other").err, HasSubstr("rename data: volume is in use - [" + id + "]"));
  run("rm -f box");
  EXPECT_EQ(cli("volume clone data other").code, 0);
}

TEST_P(VolumeCopies, RenameKeepsTheData) {
  fill("data");
  const std::string before = look("data");
  EXPECT_EQ(cli("volume rename data other").code, 0);
  EXPECT_EQ(look("other"), before);
  EXPECT_THAT(run("volume inspect data").err, HasSubstr("o such volume"));
  EXPECT_THAT(place("other"), HasSubstr("/other/"));
  run("volume create taken");
  EXPECT_THAT(cli("volume rename other taken").err, HasSubstr("a volume of that name exists"));
  EXPECT_THAT(cli("volume rename other other").err, HasSubstr("a volume of that name exists"));
  daemon->kill(SIGKILL);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(look("other"), before);
}

TEST_P(VolumeCopies, TarGoesOutAndComesIn) {
  fill("data");
  const std::string before = look("data");
  const std::string file = (daemon->root() / "data.tar").string();
  const Result exported = cli("volume export -o " + file + " data");
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_LT(std::filesystem::file_size(file), 4U << 20) << "holes are not written";
  EXPECT_EQ(cli("volume import copy " + file).line(), "copy");
  EXPECT_EQ(look("copy"), before);
  EXPECT_LT(blocks("copy"), 100);
  const std::string both = program("gantry").string() + " volume export data | " + program("gantry").string() +
                           " volume import --label kind=tar piped -";
  EXPECT_EQ(shell(both, daemon->environment()).line(), "piped");
  EXPECT_EQ(look("piped"), before);
  EXPECT_EQ(run("volume inspect -f '{{.Labels.kind}}' piped").line(), "tar");
  EXPECT_THAT(cli("volume import copy " + file).err, HasSubstr("a volume of that name exists"));
  EXPECT_THAT(cli("volume export nothing -o " + file).err, HasSubstr("get nothing: no such volume"));
}

TEST_P(VolumeCopies, HostileTarsStayInsideAndLeaveNothing) {
  const std::string file = (daemon->root() / "hostile.tar").string();
  const auto import = [&](const std::string& script) {
    shell("set -e; d=$(mktemp -d); cd $d; " + script + "; cd /; rm -rf $d");
    return cli("volume import bad " + file);
  };
  const Result outside = import("echo x >f; tar -P --transform 's,f,../../escaped,' -cf " + file + " f");
  EXPECT_EQ(outside.code, 0) << outside.err;
  EXPECT_TRUE(std::filesystem::exists(place("bad") + "/escaped")) << "names start at the volume";
  cli("volume rm bad");
  // A link out of the volume, then a file through it.
  const Result through = import("ln -s " + daemon->root().string() + " up; tar -cf " + file +
                                " up; rm up; mkdir up; echo x >up/escaped; tar -rf " + file + " up/escaped");
  EXPECT_EQ(through.code, 1);
  EXPECT_FALSE(std::filesystem::exists(daemon->root() / "escaped"));
  const Result cut = import("head -c 100000 /dev/urandom >f; tar -cf all f; head -c 50000 all >" + file);
  EXPECT_EQ(cut.code, 1);
  EXPECT_THAT(cut.err, HasSubstr("unexpected EOF"));
  EXPECT_EQ(import("echo no tar at all, but text that is long enough to be looked at >" + file).code, 1);
  EXPECT_THAT(cli("volume ls -q").out, Not(HasSubstr("bad"))) << "all or nothing";
  EXPECT_EQ(shell("ls -A " + (daemon->data_root() / "drivers/volume-local/.tmp").string()).out, "");
}

TEST_P(VolumeCopies, AnInterruptedImportLeavesNothing) {
  shell("mkfifo " + (daemon->root() / "slow").string());
  auto import = daemon->background("volume import half " + (daemon->root() / "slow").string());
  shell("d=$(mktemp -d); cd $d; head -c 3000000 /dev/zero >f; (tar -cf - f | head -c 2000000; exec sleep 1000) >" +
        (daemon->root() / "slow").string() +
        " 2>/dev/null & "
        "timeout 20 sh -c 'until [ -s " +
        (daemon->data_root() / "drivers/volume-local/half/_data/f").string() + " ]; do :; done'; cd /; rm -r $d");
  EXPECT_THAT(cli("volume ls -q").out, Not(HasSubstr("half"))) << "nobody sees it before it is whole";
  daemon->kill(SIGKILL);
  import.reset();
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_THAT(cli("volume ls -q").out, Not(HasSubstr("half")));
  EXPECT_FALSE(std::filesystem::exists(daemon->data_root() / "drivers/volume-local/half"));
}

TEST_P(VolumeCopies, EventsTell) {
  run("volume create data");
  const auto beginning = shell("date +%s").line();
  cli("volume clone data other");
  cli("volume rename other third");
  const std::string seen = run("events --since " + beginning + " --until $(($(date +%s)+1)) --filter type=volume").out;
  EXPECT_THAT(seen, HasSubstr("volume clone data (driver=local, to=other)"));
  EXPECT_THAT(seen, HasSubstr("volume create other"));
  EXPECT_THAT(seen, HasSubstr("volume rename third (driver=local, oldName=other)"));
}

}  // namespace
}  // namespace gantry::e2e
