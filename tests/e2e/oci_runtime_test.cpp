// Containers that an OCI runtime of the host's makes: `--runtime crun`. The suites that hold for all runtimes run with
// it as well (ctest's crun.*).

#include <nlohmann/json.hpp>

#include "engine.hpp"
#include "subordinate_ids.hpp"

namespace gantry::e2e {
namespace {

/// As on most hosts, what is mounted below the daemon's directories would reach other namespaces: those of the tests
/// are private.
void share_exec_root(const Daemon& daemon) {
  const std::string exec_root = daemon.exec_root();
  ASSERT_EQ(shell("mkdir -p " + exec_root + " && mount --bind " + exec_root + " " + exec_root +
                  " && mount --make-shared " + exec_root)
                .code,
            0);
}

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kLost = "/nowhere/crun";

/// A crun that hangs in one of its commands.
json hanging(const std::string& command) {
  return {{"path", GANTRY_HANGING_RUNTIME}, {"runtimeArgs", {"--hang=" + command}}, {"options", {{"time-limit", "5"}}}};
}

class OciRuntime : public BothClients {
 protected:
  static void SetUpTestSuite() {
    daemon = std::make_unique<Daemon>(json{{"runtimes",
                                            {{"crun", {{"path", "crun"}}},
                                             {"lost", {{"path", kLost}}},
                                             {"noisy", {{"path", "crun"}, {"runtimeArgs", {"--debug"}}}},
                                             {"hangs-create", hanging("create")},
                                             {"hangs-start", hanging("start")},
                                             {"hangs-exec", hanging("exec")},
                                             {"hangs-delete", hanging("delete")}}}});
    share_exec_root(*daemon);
    ASSERT_TRUE(daemon->start()) << daemon->log();
    load_busybox(*daemon);
  }
  void SetUp() override {
    if (!have_program("crun")) GTEST_SKIP() << "no crun on this machine";
    BothClients::SetUp();
  }
  static std::filesystem::path bundle(const std::string& container, const std::string& runtime = "crun") {
    const std::string id = daemon->inspect(container, "/Id").get<std::string>();
    return daemon->exec_root() / "drivers" / ("runtime-" + runtime) / id;
  }
};
INSTANTIATE_TEST_SUITE_P(By, OciRuntime, ::testing::Values("gantry", "docker"), client_name);

TEST_P(OciRuntime, IsChosenForEachContainer) {
  ASSERT_EQ(run("run -d --name one --runtime crun busybox sleep 1000").code, 0);
  ASSERT_EQ(run("run -d --name other busybox sleep 1000").code, 0);
  EXPECT_EQ(daemon->inspect("one", "/HostConfig/Runtime"), "crun");
  EXPECT_TRUE(std::filesystem::exists(bundle("one") / "config.json"));
  EXPECT_FALSE(std::filesystem::exists(bundle("other")));
  EXPECT_EQ(run("exec one sh -c 'echo $0; exit 7' ").code, 7);
  EXPECT_THAT(run("run --rm --runtime nosuch busybox true").err, HasSubstr("unknown or invalid runtime name: nosuch"));
  const json info = daemon->api("GET", "/info");
  EXPECT_EQ(info["DefaultRuntime"], "native");
  EXPECT_EQ(info["Runtimes"]["crun"]["path"], "crun");
  EXPECT_TRUE(info["Runtimes"].contains("runc"));
}

TEST_P(OciRuntime, ThatIsMissingIsNamedTogetherWithTheCure) {
  const Result lost = run("run --name lost --runtime lost busybox true");
  EXPECT_EQ(lost.code, 125);
  EXPECT_THAT(lost.err, HasSubstr("the OCI runtime \"" + std::string{kLost} +
                                  "\" is not there: no such program; install it, or correct \"path\" of the runtime in "
                                  "daemon.json"));
  EXPECT_EQ(daemon->inspect("lost", "/State/Status"), "created");
}

TEST_P(OciRuntime, GetsItsArgumentsAndLeavesNothing) {
  if (is_docker_before(25)) GTEST_SKIP() << "bind-recursive came later";
  ASSERT_EQ(
      run("run -d --name noisy --runtime noisy -v /tmp:/m:ro --mount type=bind,src=/etc,dst=/e,bind-recursive=disabled "
          "busybox sleep 1000")
          .code,
      0);
  const auto folder = bundle("noisy", "noisy");
  EXPECT_THAT(shell("cat " + (folder / "oci-init.log").string()).out, HasSubstr("\"level\""));
  EXPECT_EQ(run("rm -f noisy").code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_P(OciRuntime, GivesRightsAsDockerdDoes) {
  const std::string look = " busybox grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs):' /proc/self/status";
  for (const char* options : {"", "-u 1000", "--cap-drop ALL --cap-add NET_RAW", "--security-opt no-new-privileges",
                              "--security-opt seccomp=unconfined"}) {
    const std::string rest = std::string{options} + look;
    EXPECT_EQ(run("run --rm --runtime crun " + rest).out, run("run --rm " + rest).out) << options;
  }
  EXPECT_THAT(run("run --rm --runtime crun busybox unshare -m true").err, HasSubstr("Operation not permitted"));
  EXPECT_EQ(run("run --rm --runtime crun -u daemon busybox sh -c 'id -un; echo $HOME'").out,
            run("run --rm -u daemon busybox sh -c 'id -un; echo $HOME'").out);
  EXPECT_THAT(run("run --rm --runtime crun -u nosuchuser busybox true").err,
              HasSubstr("unable to find user nosuchuser: no matching entries in passwd file"));
}

TEST_P(OciRuntime, PassesErrorsOn) {
  const Result missing = run("run --rm --runtime crun busybox nonesuch");
  EXPECT_EQ(missing.code, 127);
  EXPECT_THAT(missing.err, HasSubstr("OCI runtime create failed"));
  EXPECT_THAT(missing.err, HasSubstr("executable file not found in $PATH"));
  const Result other = run("run --rm --runtime crun busybox /etc/nonesuch");
  EXPECT_EQ(other.code, 127);
  EXPECT_THAT(other.err, HasSubstr("failed to create shim task: OCI runtime create failed: "));
  run("run -d --name running --runtime crun busybox sleep 1000");
  EXPECT_EQ(run("exec running nonesuch").code, 127);
}

TEST_P(OciRuntime, SaysOfWhatIsNoProgramWhatRuncSays) {
  const Result folder = run("run --rm --runtime crun busybox /etc");
  EXPECT_EQ(folder.code, 126);
  EXPECT_THAT(folder.err, HasSubstr("exec: \"/etc\": is a directory"));
  const Result text = run("run --rm --runtime crun busybox /etc/passwd");
  EXPECT_EQ(text.code, 126);
  EXPECT_THAT(text.err, HasSubstr("exec: \"/etc/passwd\": permission denied"));
  EXPECT_EQ(run("run --rm --runtime crun --init busybox true").code, 0);
  EXPECT_NE(run("run --rm --runtime crun -v /tmp:/mine busybox /mine").code, 0);
  run("run -d --name folders --runtime crun busybox sleep 1000");
  const Result inside = run("exec folders /etc");
  EXPECT_EQ(inside.code, 126);
  EXPECT_THAT(inside.out + inside.err, HasSubstr("exec: \"/etc\": is a directory"));
}

TEST_P(OciRuntime, MountsFilesReadOnly) {
  const Result result = run("run --rm --runtime crun -v /etc/passwd:/f:ro busybox sh -c 'cat /f; echo x >/f'");
  EXPECT_THAT(result.out, HasSubstr("root:"));
  EXPECT_THAT(result.err, HasSubstr("Read-only file system"));
}

TEST_P(OciRuntime, FindsARelativeProgramFromTheWorkingDirectory) {
  run("run -d --name relative --runtime crun busybox sleep 1000");
  // The root has a directory of that name.
  ASSERT_EQ(run("exec relative sh -c 'mkdir -p /echo /srv; cp /bin/busybox /srv/echo'").code, 0);
  const Result found = run("exec -w /srv relative ./echo found");
  EXPECT_EQ(found.out, "found\n") << found.err;
}

TEST_P(OciRuntime, ThatHangsIsGivenUpAndNamed) {
  const std::string late = std::string{"the OCI runtime does not come to an end: "} + GANTRY_HANGING_RUNTIME;
  for (const std::string command : {"create", "start"}) {
    const Result hung = run("run --name hung-" + command + " --runtime hangs-" + command + " busybox true");
    EXPECT_EQ(hung.code, 125);
    EXPECT_THAT(hung.err, HasSubstr(late + " " + command + " still ran after 5 s"));
    EXPECT_EQ(run("rm hung-" + command).code, 0);
  }
  ASSERT_EQ(run("run -d --name hung-exec --runtime hangs-exec busybox sleep 1000").code, 0);
  const Result exec = run("exec hung-exec true");
  EXPECT_THAT(exec.out + exec.err, HasSubstr(late + " exec still ran after 5 s"));
  EXPECT_EQ(daemon->inspect("hung-exec", "/State/Running"), true);
  ASSERT_EQ(run("run -d --name hung-delete --runtime hangs-delete busybox sleep 1000").code, 0);
  EXPECT_EQ(run("rm -f hung-exec hung-delete").code, 0);
  EXPECT_EQ(shell("pgrep -fx 'sleep 4711'").out, "") << "what hung is still there";
}

TEST_P(OciRuntime, HandsNothingOfTheHostIntoTheContainer) {
  run("run -d --name sealed --runtime crun busybox sleep 1000");
  run("run -d -t --name terminal --runtime crun busybox sleep 1000");
  EXPECT_EQ(run("exec sealed ls /proc/1/fd").out, "0\n1\n2\n");
  EXPECT_EQ(run("exec terminal ls /proc/1/fd").out, "0\n1\n2\n");
  EXPECT_EQ(run("exec sealed ls /proc/self/fd").out, "0\n1\n2\n3\n") << "the last one is of ls itself";
  // Nobody else can read what is in it: the environment may hold secrets.
  EXPECT_EQ(shell("stat -c %a " + (bundle("sealed") / "config.json").string()).line(), "600");
  EXPECT_EQ(shell("grep -c /rootfs /proc/self/mountinfo").line(), "0") << "the root is mounted on the host";
}

TEST_P(OciRuntime, InitReapsAndForwards) {
  EXPECT_THAT(run("run --rm --init --runtime crun busybox ps").out, HasSubstr("/sbin/docker-init -- ps"));
  EXPECT_EQ(run("run --rm --init --runtime crun busybox sh -c 'exit 42'").code, 42);
  run("run -d --init --name forwards --runtime crun busybox sh -c 'trap \"exit 9\" TERM; echo up; while :; do sleep "
      "0.1; done'");
  ASSERT_TRUE(background("logs -f forwards")->wait_for("up"));
  run("stop forwards");
  EXPECT_EQ(daemon->inspect("forwards", "/State/ExitCode"), 9);
}

TEST_P(OciRuntime, RunsOnWithoutTheDaemonAndIsRemembered) {
  run("run -d --name lasting --runtime crun busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done'");
  run("run -d --name ending --runtime crun busybox sh -c 'sleep 0.5; exit 23'");
  run("run -d --name halted --runtime crun busybox sleep 1000");
  run("pause halted");
  const auto pid = daemon->inspect("lasting", "/State/Pid");
  daemon->kill(SIGKILL);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(daemon->inspect("lasting", "/State/Pid"), pid);
  EXPECT_EQ(daemon->inspect("lasting", "/HostConfig/Runtime"), "crun");
  EXPECT_EQ(run("exec lasting echo here").out, "here\n");
  daemon->wait_for_exit("ending");
  EXPECT_EQ(daemon->inspect("ending", "/State/ExitCode"), 23);
  EXPECT_EQ(daemon->inspect("halted", "/State/Paused"), true);
  EXPECT_EQ(run("unpause halted").code, 0);
  EXPECT_EQ(run("stop -t 0 lasting").code, 0);
  const auto lines = run("logs lasting").lines();
  for (std::size_t index = 0; index < lines.size(); ++index) ASSERT_EQ(lines[index], std::to_string(index + 1));
  EXPECT_EQ(run("start lasting").code, 0);
}

TEST_P(OciRuntime, AKilledShimEndsTheContainer) {
  run("run -d --name orphan --runtime crun busybox sleep 1000");
  const std::string pid = std::to_string(daemon->inspect("orphan", "/State/Pid").get<int>());
  const std::string shim = shell("awk '/^PPid/ {print $2}' /proc/" + pid + "/status").line();
  shell("kill -9 " + shim);
  daemon->wait_for_exit("orphan");
  EXPECT_EQ(daemon->inspect("orphan", "/State/ExitCode"), 137);
  EXPECT_NE(shell("test -e /proc/" + pid).code, 0);
}

class OciBundle : public OciRuntime {};
INSTANTIATE_TEST_SUITE_P(By, OciBundle, ::testing::Values("gantry"), client_name);

/// golang-github-opencontainers-specs-dev has it.
constexpr const char* kSchemas = "/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema";

TEST_P(OciBundle, FitsTheSchemaOfTheSpecification) {
  if (!std::filesystem::exists(kSchemas)) GTEST_SKIP() << "no " << kSchemas;
  if (shell("/usr/bin/python3 -c 'import jsonschema'").code != 0) GTEST_SKIP() << "no python3-jsonschema";
  run("volume create parts");
  run("run --rm -v parts:/d busybox mkdir /d/sub");
  const std::string valid = std::string{"/usr/bin/python3 " GANTRY_VALIDATE_BUNDLE " "} + kSchemas + " ";
  for (const char* options :
       {"", "--privileged", "-t --read-only --init", "--network host --pid host --ipc host --uts host",
        "-m 64m --memory-swap 128m --memory-reservation 32m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 --pids-limit "
        "50 "
        "--ulimit nofile=100:200 --oom-score-adj 100",
        "--tmpfs /t:size=1m,exec -v /tmp:/m:ro --mount type=volume,src=parts,dst=/p,volume-subpath=sub "
        "--device /dev/null:/dev/mine:r --sysctl net.ipv4.ip_forward=1 --sysctl net.ipv4.conf.eth0.forwarding=0",
        "--hostname h --domainname d -u 1:2 --group-add 5 --cap-drop ALL --cap-add CHOWN --security-opt "
        "no-new-privileges "
        "--security-opt seccomp=unconfined -e 'A=\"\\quoted\"' -w /tmp"}) {
    ASSERT_EQ(run("run -d --name checked --runtime crun " + std::string{options} + " busybox sleep 1000").code, 0)
        << options;
    const Result result = shell(valid + (bundle("checked") / "config.json").string());
    EXPECT_EQ(result.code, 0) << options << "\n" << result.out << result.err;
    run("rm -f checked");
  }
  run("volume rm parts");
}

/// With user namespaces, for which the shim does more.
class RemappedOci : public OciRuntime {
 protected:
  static void SetUpTestSuite() {
    write_subordinate_ids();
    daemon = std::make_unique<Daemon>();
    // Only root may enter what is above both this one and the exec root.
    const std::string hidden = daemon->root() / "crun";
    std::filesystem::permissions(daemon->root(), std::filesystem::perms::owner_all);
    shell("cp $(command -v crun) " + hidden);
    daemon->write_config(json{{"userns-remap", "daemon"},
                              {"runtimes",
                               {{"crun", {{"path", "crun"}}},
                                {"hidden", {{"path", hidden}}},
                                {"waits", {{"path", GANTRY_HANGING_RUNTIME}, {"runtimeArgs", {"--hang=create"}}}}}}});
    share_exec_root(*daemon);
    ASSERT_TRUE(daemon->start()) << daemon->log();
    load_busybox(*daemon);
  }
};
INSTANTIATE_TEST_SUITE_P(By, RemappedOci, ::testing::Values("gantry"), client_name);

TEST_P(RemappedOci, FitsTheSchemaOfTheSpecification) {
  if (!std::filesystem::exists(kSchemas)) GTEST_SKIP() << "no " << kSchemas;
  if (shell("/usr/bin/python3 -c 'import jsonschema'").code != 0) GTEST_SKIP() << "no python3-jsonschema";
  const std::string valid = std::string{"/usr/bin/python3 " GANTRY_VALIDATE_BUNDLE " "} + kSchemas + " ";
  for (const char* options :
       {"", "-t --read-only --init", "-v data:/d -v /sys/kernel:/m:ro --device /dev/null:/opt/null",
        "--hostname h --domainname d --sysctl kernel.msgmax=4000 -u 1:2"}) {
    ASSERT_EQ(run("run -d --name checked --runtime crun " + std::string{options} + " busybox sleep 1000").code, 0)
        << options;
    const Result result = shell(valid + (bundle("checked") / "config.json").string());
    EXPECT_EQ(result.code, 0) << options << "\n" << result.out << result.err;
    run("rm -f checked");
  }
  run("volume rm data");
}

TEST_P(RemappedOci, LeavesNothingOfItsMountsOnTheHost) {
  run("run -d --name seen --runtime crun busybox sleep 1000");
  EXPECT_EQ(shell("grep -c " + bundle("seen").string() + " /proc/self/mountinfo").line(), "0");
  EXPECT_EQ(run("exec seen ls /proc/1/fd").out, "0\n1\n2\n");
  const std::string pid = std::to_string(daemon->inspect("seen", "/State/Pid").get<int>());
  EXPECT_EQ(shell("stat -c %u /proc/" + pid).line(), "100000");
}

TEST_P(RemappedOci, ASubmountThatIsNobodyElsesIsLeftOut) {
  // As /sys/kernel/tracing is.
  const std::string source = daemon->exec_root() / "with-closed";
  ASSERT_EQ(shell("mkdir -p " + source + "/own && mount -t tmpfs -o mode=700 none " + source + "/own").code, 0);
  const Result result = run("run --rm --runtime crun -v " + source + ":/m:ro busybox ls /m");
  EXPECT_EQ(result.out, "own\n") << result.err;
  EXPECT_EQ(shell("umount " + source + "/own && rm -r " + source).code, 0);
}

TEST_P(RemappedOci, AFailureHalfWayLeavesNothing) {
  const std::string closed = daemon->root() / "closed";
  ASSERT_EQ(shell("mkdir -p -m 700 " + closed + "/inner && mount -t proc proc " + closed + "/inner").code, 0);
  const auto seen = [] {
    return shell("grep -c ' " + daemon->exec_root().string() + "/' /proc/self/mountinfo").line();
  };
  const Result unmapped = run("run --name half --runtime crun -v " + closed + "/inner:/m:idmap busybox true");
  EXPECT_THAT(unmapped.err, HasSubstr("cannot map the ids of " + closed + "/inner"));
  EXPECT_FALSE(std::filesystem::exists(bundle("half")));
  EXPECT_EQ(seen(), "0");
  run("rm half");
  // After /dev was made.
  const Result part =
      run("run --name half --runtime crun --mount type=image,src=busybox,dst=/image,image-subpath=none busybox true");
  EXPECT_THAT(part.err, HasSubstr("cannot access path"));
  EXPECT_FALSE(std::filesystem::exists(bundle("half")));
  EXPECT_EQ(seen(), "0");
  run("rm half");
  shell("umount " + closed + "/inner");
}

TEST_P(RemappedOci, AKilledShimTakesItsRuntimeAlong) {
  const auto start = background("run --name waits --runtime waits busybox true");
  const std::string hung = "pgrep -fx 'sleep 4711'";
  until([&] { return !shell(hung).out.empty(); });
  shell("kill -9 $(awk '/^PPid/ {print $2}' /proc/$(" + hung + ")/status)");
  EXPECT_EQ(start->wait(), 125);
  until([&] { return shell(hung).out.empty(); });
  run("rm -f waits");
}

TEST_P(RemappedOci, NamesARuntimeThatIsCovered) {
  const Result hidden = run("run --name hidden --runtime hidden busybox true");
  EXPECT_EQ(hidden.code, 125);
  EXPECT_THAT(hidden.err, HasSubstr("/crun is below a directory that only root may enter"));
  EXPECT_EQ(run("run --rm --userns host --runtime hidden busybox echo ok").out, "ok\n");
  run("rm hidden");
}

TEST_P(RemappedOci, RunsOnWithoutTheDaemon) {
  run("run -d --name lasting --runtime crun busybox sleep 1000");
  daemon->kill(SIGKILL);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(run("exec lasting cat /proc/self/uid_map").out, "         0     100000      65536\n");
  EXPECT_EQ(run("restart -t 0 lasting").code, 0);
  EXPECT_EQ(run("exec lasting cat /proc/self/uid_map").out, "         0     100000      65536\n");
}

}  // namespace
}  // namespace gantry::e2e
