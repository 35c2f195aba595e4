// What flags take and refuse, and what comes of it at the daemon: as docker 28.2 has it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "commands/fake_daemon.hpp"
#include "json.hpp"

namespace gantry::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Values : public testing::Test {
 protected:
  Outcome run(const std::vector<std::string>& arguments) {
    {
      const std::lock_guard lock(mutex_);
      body_ = Json();
    }
    return run_program(daemon_, arguments);
  }

  /// Refused before the daemon is asked.
  void expect_refused(const std::vector<std::string>& arguments, int code, const std::string& error) {
    const std::size_t asked = daemon_.requests().size();
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, code) << error;
    EXPECT_THAT(outcome.err, StartsWith(error));
    EXPECT_EQ(daemon_.requests().size(), asked) << error;
  }

  std::string last() { return daemon_.requests().back(); }

  Json body() {
    const std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  std::mutex mutex_;
  Json body_;

 protected:
  // The last of the members: its threads use the others.
  FakeDaemon daemon_{[this](FakeConnection& connection, const FakeConnection::Request& request) {
    if (!request.body.empty()) {
      const std::lock_guard lock(mutex_);
      body_ = Json::parse(request.body, nullptr, false);
    }
    const bool pulls = request.line.find("/images/create") != std::string::npos;
    const bool lists = request.line.find("/containers/json") != std::string::npos;
    connection.respond(200, pulls ? "{\"status\":\"ok\"}\r\n" : lists ? "[]" : R"({"Id":"c1","Name":"v"})");
  }};
};

TEST_F(Values, OfLabelsHaveNames) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"volume", "create"}, {"network", "create"}, {"build"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--label", "=a", "x"});
    expect_refused(arguments, 125, "invalid argument \"=a\" for \"--label\" flag: invalid label '=a': empty name\n");
  }
}

TEST_F(Values, OfPlatformsAreKnown) {
  const std::string bogus = "\"bogus\": unknown operating system or architecture: invalid argument\n";
  expect_refused({"create", "--platform", "bogus", "busybox"}, 1, "error parsing specified platform: " + bogus);
  expect_refused({"save", "--platform", "bogus", "busybox"}, 1, "invalid platform: " + bogus);
  expect_refused({"history", "--platform", "bogus", "busybox"}, 1, bogus);
  run({"create", "--platform", "x86_64", "busybox"});
  EXPECT_EQ(last(), "POST /v1.50/containers/create?platform=linux%2Famd64");
  run({"push", "--platform", "linux/amd64", "registry/a"});
  EXPECT_THAT(last(), HasSubstr("platform=%7B%22architecture%22%3A%22amd64%22%2C%22os%22%3A%22linux%22%7D"));
}

TEST_F(Values, OfNumbersFitTheirTypes) {
  expect_refused({"create", "--blkio-weight", "70000", "busybox"}, 125,
                 "invalid argument \"70000\" for \"--blkio-weight\" flag: strconv.ParseUint: parsing \"70000\": value "
                 "out of range\n");
  expect_refused({"create", "--blkio-weight", "-1", "busybox"}, 125,
                 "invalid argument \"-1\" for \"--blkio-weight\" flag: strconv.ParseUint: parsing \"-1\": invalid "
                 "syntax\n");
  expect_refused({"create", "--health-interval", "5", "busybox"}, 125,
                 "invalid argument \"5\" for \"--health-interval\" flag: time: missing unit in duration \"5\"\n");
  run({"ps", "-n", "-5"});
  EXPECT_EQ(last(), "GET /v1.50/containers/json");
}

TEST_F(Values, OfMountsAreQuotedInMessages) {
  expect_refused({"create", "--mount", "a\"b", "busybox"}, 125,
                 "invalid argument \"a\\\"b\" for \"--mount\" flag: parse error on line 1, column 2: bare \" in "
                 "non-quoted-field\n");
  expect_refused({"create", "-v", ":/b", "busybox"}, 125, "gantry: invalid spec: :/b: empty section between colons\n");
}

TEST_F(Values, OfListsThatAreEmptyAreNone) {
  run({"network", "connect", "--alias", "", "n", "c"});
  EXPECT_EQ(last(), "POST /v1.50/networks/n/connect");
  EXPECT_EQ(body()["Container"], "c");
  EXPECT_FALSE(body()["EndpointConfig"].contains("Aliases"));
  run({"network", "connect", "--alias", "a,\"b,c\"", "n", "c"});
  EXPECT_EQ(body()["EndpointConfig"]["Aliases"].dump(), R"(["a","b,c"])");
}

TEST_F(Values, OfTheSocketIsThatInUse) {
  run({"create", "--use-api-socket", "busybox"});
  EXPECT_EQ(body()["HostConfig"]["Mounts"][0]["Source"], daemon_.address().substr(7));
  EXPECT_EQ(body()["HostConfig"]["Mounts"][0]["Target"], "/var/run/docker.sock");
}

TEST_F(Values, OfAnOldFlagCountAndItIsSaidToBeOld) {
  const Outcome outcome = run({"stop", "--time", "5", "c"});
  EXPECT_EQ(outcome.out, "Flag --time has been deprecated, use --timeout instead\nc\n");
  EXPECT_EQ(last(), "POST /v1.50/containers/c/stop?t=5");
  const Outcome refused = run({"stop", "--time", "5", "--bogus", "c"});
  EXPECT_EQ(refused.out, "") << "only of those that are taken";
  EXPECT_THAT(refused.err, StartsWith("unknown flag: --bogus\n"));
  EXPECT_EQ(run({"stop", "--time", "5", "-t", "6", "c"}).err,
            "conflicting options: cannot specify both --timeout and --time\n");
}

TEST_F(Values, OfABuildAreLookedAtFirst) {
  expect_refused({"build", "-t", "B", "."}, 125,
                 "invalid argument \"B\" for \"-t, --tag\" flag: invalid reference format: repository name (library/B) "
                 "must be lowercase\n");
  expect_refused({"build", "--add-host", "x", "."}, 125,
                 "invalid argument \"x\" for \"--add-host\" flag: bad format for add-host: \"x\"\n");
  expect_refused({"build", "--build-arg", "", "."}, 125,
                 "invalid argument \"\" for \"--build-arg\" flag: invalid environment variable: \n");
  expect_refused({"build", "nonesuch"}, 1, "unable to prepare context: path \"nonesuch\" not found\n");
  const std::string endless(5000, 'a');
  expect_refused({"build", endless}, 1, "unable to prepare context: path \"" + endless + "\" not found\n");
  expect_refused({"build", "-f", "/dev/null/x", "/usr"}, 1,
                 "unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat /dev/null/x: not a "
                 "directory\n");
}

TEST_F(Values, OfNamesAreToldInFull) {
  EXPECT_EQ(run({"pull", "-a", "a"}).out, "ok\ndocker.io/library/a\n");
  EXPECT_EQ(run({"push", "-q", "registry.example/a"}).out, "registry.example/a:latest\n");
}

TEST(Check, ExplainsAndTellsOfWhatHasNoExplanation) {
  FakeDaemon daemon([](FakeConnection& connection, const FakeConnection::Request&) {
    connection.respond(200, R"({"id":"gantry.step","aux":{"Kind":"warning","Text":"Plain: no more"}})"
                            "\r\n"
                            R"({"id":"gantry.step","aux":{"Kind":"warning","Text":"Odd: is odd\nWhy it is"}})"
                            "\r\n");
  });
  const Outcome outcome = run_program(daemon, {"build", "--check", "-"}, "FROM scratch\n");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "Check complete, 2 warnings have been found!\n\nWhy it is");
  EXPECT_EQ(outcome.err, "\n 1 warning found:\n - Plain: no more\n");
}

TEST(Plugins, AreFiltered) {
  FakeDaemon daemon([](FakeConnection& connection, const FakeConnection::Request&) {
    connection.respond(200, R"([{"Kind":"network","Name":"bridge","Enabled":true,"Capabilities":["ports"]},)"
                            R"({"Kind":"volume","Name":"local","Enabled":false,"Capabilities":[]}])");
  });
  const auto list = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"plugin", "ls", "-q"});
    return run_program(daemon, arguments);
  };
  EXPECT_EQ(list({"-f", "enabled=true"}).out, "bridge\n");
  EXPECT_EQ(list({"-f", "kind=volume"}).out, "local\n");
  EXPECT_EQ(list({"-f", "kind=volume", "-f", "kind=network"}).out, "bridge\nlocal\n");
  EXPECT_EQ(list({"-f", "capability=ports", "-f", "enabled=false"}).out, "");
  EXPECT_EQ(list({"-f", "bogus=x"}).err, "invalid filter 'bogus'\n");
  EXPECT_EQ(run_program(daemon, {"plugin", "disable", "-f", "bridge"}).code, 0);
  EXPECT_EQ(run_program(daemon, {"plugin", "enable", "--timeout", "5", "bridge"}).code, 0);
}

TEST(DiskUsage, InJsonHasAllFields) {
  FakeDaemon daemon([](FakeConnection& connection, const FakeConnection::Request&) {
    connection.respond(
        200, R"({"Images":[{"Id":"sha256:0123456789abcdef","RepoTags":["a:1","b:2"],"Size":5,"Containers":2}],)"
             R"("Containers":[{"Id":"0123456789abcdef","Names":["/c"],"SizeRw":7}],)"
             R"("Volumes":[{"Name":"v","Scope":"local","UsageData":{"RefCount":1,"Size":9}}]})");
  });
  const Outcome outcome = run_program(daemon, {"system", "df", "-v", "--format", "json"});
  const Json usage = Json::parse(outcome.out);
  EXPECT_EQ(usage["Images"][0]["ID"], "sha256:0123456789abcdef");
  EXPECT_EQ(usage["Images"].size(), 1U);
  EXPECT_EQ(usage["Images"][0]["VirtualSize"], "5B");
  EXPECT_EQ(usage["Containers"][0]["Networks"], "");
  EXPECT_EQ(usage["Containers"][0]["Size"], "7B");
  EXPECT_EQ(usage["Volumes"][0]["Scope"], "local");
  EXPECT_EQ(usage["Volumes"][0]["Links"], "1");
  EXPECT_EQ(run_program(daemon, {"system", "df", "-v", "--format", "{{range .Volumes}}{{.Size}}{{end}}"}).out, "9B");
}

TEST(Messages, GoOnBehindWhatNobodySees) {
  FakeDaemon daemon([](FakeConnection& connection, const FakeConnection::Request&) {
    connection.respond(400, R"({"message":"unknown instruction: A\u0000B in line 1"})");
  });
  EXPECT_EQ(run_program(daemon, {"ps"}).err, "Error response from daemon: unknown instruction: AB in line 1\n");
}

}  // namespace
}  // namespace gantry::cli
