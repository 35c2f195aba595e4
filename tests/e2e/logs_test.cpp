#include <signal.h>

#include <fstream>

#include "engine.hpp"
#include "listener.hpp"

// Log drivers, as their users see them.
namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class Logs : public BothClients {
 protected:
  static std::string log_path(const std::string& container) { return daemon->inspect(container, "/LogPath"); }

  static std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  /// Waits until the shell's condition holds.
  static bool until(const std::string& condition) {
    return shell("while ! { " + condition + "; }; do :; done", {}, {}, std::chrono::seconds{30}).code == 0;
  }

  static std::vector<std::string> numbers(int last) {
    std::vector<std::string> out;
    for (int i = 1; i <= last; ++i) out.push_back(std::to_string(i));
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(By, Logs, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Logs, JsonFileKeepsAttributes) {
  const Result ran =
      run("run --name web --label a=1 --label b=2 -e X=1 -e XY='2|' --log-opt labels=a,zz --log-opt labels-regex=^b "
          "--log-opt env=X --log-opt env-regex=^XY --log-opt tag='{{.Name}}/{{.ID}}' busybox echo hi");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string id = daemon->inspect("web", "/Id");
  const std::string attributes = R"({"X":"1","XY":"2|","a":"1","b":"2","tag":"web/)" + id.substr(0, 12) + "\"}";
  EXPECT_THAT(content(log_path("web")), HasSubstr(R"({"log":"hi\n","stream":"stdout","attrs":)" + attributes + ","));
  EXPECT_EQ(run("logs --details web").out, "X=1,XY=2%7C,a=1,b=2,tag=web%2F" + id.substr(0, 12) + " hi\n");
  EXPECT_THAT(run("logs -t --details web").out, MatchesRegex("20[0-9T:.-]+Z X=1,.* hi\n"));
}

TEST_P(Logs, RotatedFilesAreCompressedAndReadBack) {
  const Result ran =
      run("run --name many --log-opt max-size=40k --log-opt max-file=100 --log-opt compress=true busybox seq 1 6000");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string path = log_path("many");
  EXPECT_TRUE(until("[ -e " + path + ".1.gz -a ! -e " + path + ".1 ]"));
  EXPECT_EQ(run("logs many").lines(), numbers(6000));
  EXPECT_EQ(run("logs --tail 3 many").out, "5998\n5999\n6000\n");
  EXPECT_EQ(cli("logs --clear many").code, 0);
  EXPECT_EQ(run("logs many").out, "");
  EXPECT_FALSE(fs::exists(path + ".1.gz"));
}

TEST_P(Logs, LocalKeepsItsOwnFormat) {
  const Result ran = run("run --name small --log-driver local busybox sh -c 'echo out; echo err >&2'");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(log_path("small"), "");
  const Result logs = run("logs small");
  EXPECT_EQ(logs.out, "out\n");
  EXPECT_EQ(logs.err, "err\n");
  EXPECT_THAT(run("logs -t small").out, MatchesRegex("20[0-9T:.-]+Z out\n"));
  run("run --name big --log-driver local --log-opt max-size=40k --log-opt max-file=100 busybox seq 1 6000");
  EXPECT_EQ(run("logs big").lines(), numbers(6000));
  EXPECT_EQ(run("logs --tail 2 big").out, "5999\n6000\n");
  run("run --name wide --log-driver local busybox sh -c 'head -c 40000 /dev/zero | tr \"\\0\" a; echo; echo b'");
  EXPECT_EQ(run("logs wide").out, std::string(40000, 'a') + "\nb\n");
}

TEST_P(Logs, AreFollowed) {
  for (const char* const driver : {"json-file", "local"}) {
    cli(std::string("run -di --name talk --log-driver ") + driver + " busybox sh -c 'while read x; do echo $x; done'");
    const auto typist = daemon->background("attach talk");
    const auto reader = background("logs -f talk");
    typist->type("one\n");
    ASSERT_TRUE(reader->wait_for("one\n")) << driver << reader->output();
    typist->type("two\n");
    ASSERT_TRUE(reader->wait_for("two\n")) << driver << reader->output();
    cli("rm -f talk");
    EXPECT_EQ(reader->wait(), 0);
  }
}

TEST_P(Logs, SurviveTheDaemon) {
  const std::string gate = (daemon->root() / "gate").string();
  fs::create_directory(gate);
  for (const std::string driver : {"json-file", "local"}) {
    ASSERT_EQ(run("run -d --name " + driver + " --log-driver " + driver +
                  " --log-opt max-size=40k --log-opt max-file=99 " + "--log-opt compress=true -v " + gate +
                  ":/gate busybox sh -c 'seq 1 1000; while [ ! -e /gate/open ]; do sleep 0.1; done; seq 1001 5000'")
                  .code,
              0);
  }
  const auto file_pid = daemon->inspect("json-file", "/State/Pid").dump();
  const auto local_pid = daemon->inspect("local", "/State/Pid").dump();
  daemon->kill(SIGKILL);
  EXPECT_TRUE(until("touch " + gate + "/open; [ ! -d /proc/" + file_pid + " -a ! -d /proc/" + local_pid + " ]"));
  fs::remove_all(gate);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  for (const std::string driver : {"json-file", "local"}) {
    daemon->wait_for_exit(driver);
    EXPECT_EQ(run("logs " + driver).lines(), numbers(5000)) << driver;
  }
}

TEST_P(Logs, OfNoneAreNotThere) {
  EXPECT_EQ(run("run --name quiet --log-driver none busybox echo hi").out, "hi\n");
  const Result logs = run("logs quiet");
  EXPECT_EQ(logs.code, 1);
  EXPECT_THAT(logs.err, HasSubstr("configured logging driver does not support reading"));
  EXPECT_THAT(cli("logs --clear quiet").err, HasSubstr("configured logging driver does not support reading"));
}

TEST_P(Logs, OptionsAreRefusedInDockerdsWords) {
  const auto refusal = [](const std::string& options) { return run("create " + options + " busybox").err; };
  EXPECT_THAT(refusal("--log-opt foo=1"), HasSubstr("unknown log opt 'foo' for json-file log driver"));
  EXPECT_THAT(refusal("--log-driver local --log-opt labels=1"),
              HasSubstr("unknown log opt 'labels' for log driver local"));
  EXPECT_THAT(refusal("--log-driver bar"), HasSubstr("error looking up logging plugin bar: plugin \"bar\" not found"));
  EXPECT_THAT(refusal("--log-opt mode=foo"), HasSubstr("logger: logging mode not supported: foo"));
  // Wrong values show when the container starts.
  const auto failure = [](const std::string& options) { return run("run " + options + " busybox true").err; };
  EXPECT_THAT(failure("--log-opt max-size=0"),
              HasSubstr("failed to initialize logging driver: max-size must be a positive number"));
  EXPECT_THAT(failure("--log-opt max-size=1k --log-opt max-file=0"), HasSubstr("max-file cannot be less than 1"));
  EXPECT_THAT(failure("--log-opt max-file=x"), HasSubstr("strconv.Atoi: parsing \"x\": invalid syntax"));
  EXPECT_THAT(failure("--log-opt compress=x"), HasSubstr("strconv.ParseBool: parsing \"x\": invalid syntax"));
  EXPECT_THAT(failure("--log-opt compress=true --log-opt max-size=1m"),
              HasSubstr("compress cannot be true when max-file is less than 2 or max-size is not set"));
  EXPECT_THAT(failure("--log-opt tag={{.Foo}}"), HasSubstr("can't evaluate field Foo in type *logger.Info"));
}

TEST_P(Logs, DriversAreListed) {
  EXPECT_THAT(run("info -f '{{json .Plugins.Log}}'").out,
              AllOf(HasSubstr("json-file"), HasSubstr("local"), Not(HasSubstr("none"))));
  EXPECT_THAT(cli("plugin ls").out, AllOf(HasSubstr("json-file"), HasSubstr("none")));
}

TEST_P(Logs, GoToASyslogServerAlsoWithoutTheDaemon) {
  const std::string path = (daemon->root() / "syslog").string();
  const std::string gate = (daemon->root() / "gate").string();
  fs::create_directory(gate);
  Listener server{path};
  const Result ran =
      run("run -d --name sys --log-driver syslog --log-opt syslog-address=unixgram://" + path +
          " --log-opt tag={{.Name}} --log-opt syslog-facility=local0 -v " + gate +
          ":/gate busybox sh -c 'echo one; while [ ! -e /gate/open ]; do sleep 0.1; done; echo two >&2'");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(server.next(), MatchesRegex("<134>[A-Z][a-z]+ .* sys.[0-9]+.: one\n"));
  EXPECT_EQ(run("logs sys").out, "one\n") << "of the copy";
  EXPECT_EQ(log_path("sys"), "");
  daemon->kill(SIGKILL);
  EXPECT_EQ(shell("touch " + gate + "/open").code, 0);
  EXPECT_THAT(server.next(), MatchesRegex("<131>[A-Z][a-z]+ .* sys.[0-9]+.: two\n"));
  fs::remove_all(gate);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  daemon->wait_for_exit("sys");
  EXPECT_EQ(run("logs sys").out, "one\n");
  EXPECT_EQ(run("logs sys").err, "two\n");
  EXPECT_THAT(run("run --log-driver syslog --log-opt syslog-address=tcp://127.0.0.1:1 busybox true").err,
              HasSubstr("failed to initialize logging driver: dial tcp 127.0.0.1:1: connect: connection refused"));
  EXPECT_THAT(run("create --log-driver syslog --log-opt syslog-facility=x busybox").err,
              HasSubstr("invalid syslog facility"));
}

TEST_P(Logs, GoToFluentdByItsProtocol) {
  const std::string path = (daemon->root() / (std::string("fluentd-") + GetParam())).string();
  const std::string common = " --log-driver fluentd --log-opt fluentd-address=unix://" + path + " ";
  EXPECT_THAT(run("run --rm" + common + "busybox true").err,
              HasSubstr("failed to initialize logging driver: dial unix " + path + ": connect: no such file"));
  Listener server{path, SOCK_STREAM};
  const Result ran = run("run --name flown" + common + "--log-opt tag=t busybox echo hi");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string got = server.next();
  EXPECT_TRUE(got.starts_with("\x94\xa1t\xd2")) << got;
  EXPECT_THAT(got, AllOf(HasSubstr("\xa6/flown"), HasSubstr("\xa3log\xa2hi")));
  EXPECT_EQ(run("logs flown").out, "hi\n");
}

TEST_P(Logs, GoToAGelfServer) {
  EXPECT_THAT(run("create --log-driver gelf busybox").err, HasSubstr("gelf-address is a required parameter"));
  // Nobody listens, and with datagrams nobody minds.
  const Result ran =
      run("run --name sent --log-driver gelf --log-opt gelf-address=udp://127.0.0.1:12201 busybox echo hi");
  EXPECT_EQ(ran.out, "hi\n") << ran.err;
  EXPECT_EQ(run("logs sent").out, "hi\n");
}

TEST_P(Logs, ThatGoElsewhereAreReadFromACopyUnlessItIsDisabled) {
  const std::string path = (daemon->root() / (std::string("copied-") + GetParam())).string();
  Listener server{path};
  const std::string common = " --log-driver syslog --log-opt syslog-address=unixgram://" + path + " ";
  ASSERT_EQ(run("run --name bare" + common + "--log-opt cache-disabled=true busybox echo hi").code, 0);
  EXPECT_THAT(server.next(), HasSubstr(": hi\n"));
  EXPECT_THAT(run("logs bare").err, HasSubstr("configured logging driver does not support reading"));
  run("run --name many" + common +
      "--log-opt cache-max-size=1k --log-opt cache-max-file=2 --log-opt cache-compress=false busybox seq 1 300");
  const auto kept = run("logs many").lines();
  ASSERT_FALSE(kept.empty());
  EXPECT_EQ(kept.back(), "300");
  EXPECT_LT(kept.size(), 300U) << "the copy has bounds of its own";
  EXPECT_EQ(cli("logs --clear many").code, 0);
  EXPECT_EQ(run("logs many").out, "");
  EXPECT_EQ(run("run --name odd" + common + "--log-opt cache-max-size=x busybox echo hi").out, "hi\n");
  EXPECT_EQ(run("logs odd").out, "hi\n");
  EXPECT_THAT(run("create" + common + "--log-opt cache-disabled=x busybox").err,
              HasSubstr("invalid value for option cache-disabled: x"));
  EXPECT_THAT(run("create" + common + "--log-opt cache-x=1 busybox").err,
              HasSubstr("unknown log opt 'cache-x' for syslog log driver"));
}

TEST_P(Logs, ThatNobodyTakesHoldUpTheContainerOnlyInBlockingMode) {
  const std::string path = (daemon->root() / (std::string("held-") + GetParam())).string();
  Listener server{path};  // reads nothing before the end
  const std::string common = " --log-driver syslog --log-opt syslog-address=unixgram://" + path + " ";
  const std::string chatter = " busybox sh -c 'seq 1 200000'";
  ASSERT_EQ(run("run -d --name held" + common + chatter).code, 0);
  ASSERT_EQ(run("run --name free --log-opt mode=non-blocking --log-opt max-buffer-size=64k" + common + chatter).code,
            0);
  EXPECT_EQ(daemon->inspect("held", "/State/Running"), true);
  EXPECT_EQ(run("kill held").code, 0) << "a shim that waits for its log still listens";
  EXPECT_THAT(server.next(), HasSubstr(": 1\n"));
}

class Journal : public ::testing::Test {};

TEST_F(Journal, GetsFieldsAsDockerds) {
  const std::string path = (fs::temp_directory_path() / "gantry-journal-socket").string();
  Listener server{path};
  Daemon engine{{{"driver-opts", {{"journald", {{"socket", path}}}}}}};
  ASSERT_TRUE(engine.start()) << engine.log();
  load_busybox(engine);
  const Result ran = engine.cli(
      "run --name web --log-driver journald --label my.label=x --log-opt labels=my.label --log-opt tag={{.Name}} "
      "busybox sh -c 'echo hi >&2'");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(server.next(),
              AllOf(HasSubstr("PRIORITY=3\n"), HasSubstr("MESSAGE=hi\n"), HasSubstr("CONTAINER_NAME=web\n"),
                    HasSubstr("CONTAINER_TAG=web\n"), HasSubstr("MY_LABEL=x\n")));
  EXPECT_EQ(engine.cli("logs web").err, "hi\n") << "of the copy";
  engine.cli("rm web");
}

TEST_F(Journal, IsMissedAtTheStart) {
  Daemon engine{{{"driver-opts", {{"journald", {{"socket", "/nonesuch"}}}}}}};
  ASSERT_TRUE(engine.start()) << engine.log();
  load_busybox(engine);
  EXPECT_THAT(engine.cli("run --log-driver journald busybox true").err,
              HasSubstr("failed to initialize logging driver: journald is not enabled on this host"));
}

TEST(StrangersLogDriver, WritesAndReadsBack) {
  const fs::path build{GANTRY_BUILD_DIR};
  if (!fs::exists(build / "tests/fakes/samples")) GTEST_SKIP() << "the sample was not built";
  Daemon engine{{{"plugin-dirs", {(build / "lib/gantry/plugins").string(), (build / "tests/fakes/samples").string()}}}};
  ASSERT_TRUE(engine.start()) << engine.log();
  load_busybox(engine);
  const auto logs = engine.background("run --name web --log-driver text --log-opt prefix=- busybox seq 1 3");
  EXPECT_EQ(logs->wait(), 0) << logs->output();
  const auto reader = engine.background("logs -f web");
  EXPECT_EQ(
      shell("while [ $(wc -l < " + (engine.data_root() / "containers").string() + "/*/text.log) -lt 3 ]; do :; done")
          .code,
      0);
  EXPECT_EQ(engine.cli("logs web").out, "-1\n-2\n-3\n");
  EXPECT_EQ(engine.cli("logs --tail 1 web").out, "-3\n");
  EXPECT_THAT(engine.cli("create --log-driver text --log-opt x=1 busybox").err,
              HasSubstr("unknown log opt 'x' for text log driver"));
}

TEST(LogConfig, NamesADriverThatThereIs) {
  Daemon unknown{{{"log-driver", "bar"}}};
  EXPECT_FALSE(unknown.start());
  EXPECT_THAT(unknown.log(), HasSubstr("logger: no log driver named 'bar' is registered"));
  Daemon wrong{{{"log-opts", {{"a", "b"}}}}};
  EXPECT_FALSE(wrong.start());
  EXPECT_THAT(wrong.log(), HasSubstr("unknown log opt 'a' for json-file log driver"));
}

}  // namespace
}  // namespace gantry::e2e
