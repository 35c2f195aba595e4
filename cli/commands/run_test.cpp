#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "commands/fake_daemon.hpp"
#include "json.hpp"

namespace gantry::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

std::string frame(char stream, const std::string& payload) {
  return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(payload.size())} + payload;
}

/// A daemon with one image, whose containers print what they read and end with `exit_code`.
class Daemon {
 public:
  int exit_code = 0;
  std::string output = frame(1, "out\n") + frame(2, "err\n");
  std::string start_failure;
  std::atomic<bool> has_image{true};
  std::string api = "1.50";
  std::string input;
  Json created;
  std::map<std::string, int> signals;  ///< What the client is sent while it asks for something ("/start").

  FakeDaemon fake{
      [this](FakeConnection& connection, const FakeConnection::Request& request) { answer(connection, request); }};

  [[nodiscard]] std::vector<std::string> calls() {
    std::vector<std::string> out;
    for (const std::string& line : fake.requests()) out.push_back(line.substr(0, line.find('?')));
    return out;
  }

 private:
  void answer(FakeConnection& connection, const FakeConnection::Request& request) {
    const auto asks = [&](const std::string& what) { return request.line.find(what) != std::string::npos; };
    const std::string version = "Api-Version: " + api + "\r\n";
    for (const auto& [path, number] : signals) {
      if (asks(path)) connection.signal(number);
    }
    if (!asks("/v" + api + "/")) {
      connection.respond(400, R"({"message":"client version 1.50 is too new"})", version);
    } else if (asks("/containers/create")) {
      created = Json::parse(request.body);
      if (has_image) {
        connection.respond(201, R"({"Id":"c1","Warnings":["careful"]})");
      } else {
        connection.respond(404, R"({"message":"No such image: busybox:latest"})");
      }
    } else if (asks("/images/create")) {
      has_image = true;
      connection.respond(200, "{\"status\":\"Pulled\"}\r\n");
    } else if (asks("/attach")) {
      attach(connection);
    } else if (asks("/wait")) {
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      if (!fake.await("POST /v" + api + "/containers/c1/start")) return;
      const std::string body = R"({"StatusCode":)" + std::to_string(exit_code) + "}";
      std::array<char, 16> size{};
      std::snprintf(size.data(), size.size(), "%zx\r\n", body.size());
      connection.write(size.data() + body + "\r\n0\r\n\r\n");
    } else if (asks("/start")) {
      if (start_failure.empty()) {
        connection.respond(204, "");
      } else {
        connection.respond(400, Json{{"message", start_failure}}.dump());
      }
    } else if (asks("/kill") || asks("DELETE")) {
      connection.respond(204, "");
    } else {
      connection.respond(404, R"({"message":"page not found"})");
    }
  }

  void attach(FakeConnection& connection) {
    connection.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    if (!fake.await("POST /v" + api + "/containers/c1/start") || !start_failure.empty()) return;
    if (created["OpenStdin"]) input = connection.read_rest();
    connection.write(output);
  }
};

TEST(Run, AttachesAndWaitsBeforeItStarts) {
  Daemon daemon;
  daemon.exit_code = 7;
  const Outcome outcome = run_program(daemon.fake, {"run", "--rm", "busybox", "true", "-x"});
  EXPECT_EQ(outcome.code, 7);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "WARNING: careful\nerr\n");
  auto calls = daemon.calls();
  ASSERT_EQ(calls.size(), 4U);
  EXPECT_EQ(calls.front(), "POST /v1.50/containers/create");
  EXPECT_EQ(calls.back(), "POST /v1.50/containers/c1/start");
  std::sort(calls.begin(), calls.end());
  EXPECT_THAT(calls, ElementsAre("POST /v1.50/containers/c1/attach", "POST /v1.50/containers/c1/start",
                                 "POST /v1.50/containers/c1/wait", "POST /v1.50/containers/create"));
  EXPECT_EQ(daemon.created["Cmd"].dump(), R"(["true","-x"])");
  EXPECT_TRUE(daemon.created["HostConfig"]["AutoRemove"]);
}

TEST(Run, HandsStdinOnUpToItsEnd) {
  Daemon daemon;
  const std::string input(200'000, 'i');
  const Outcome outcome = run_program(daemon.fake, {"run", "-i", "busybox", "cat"}, input);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(daemon.input, input);
  EXPECT_TRUE(daemon.created["StdinOnce"]);
}

TEST(Run, DetachedPrintsTheId) {
  Daemon daemon;
  const Outcome outcome = run_program(daemon.fake, {"run", "-d", "busybox"});
  EXPECT_EQ(outcome.out, "c1\n");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(daemon.calls(), ElementsAre("POST /v1.50/containers/create", "POST /v1.50/containers/c1/start"));
  EXPECT_FALSE(daemon.created["AttachStdout"]);
}

TEST(Run, PullsWhatIsMissing) {
  Daemon daemon;
  daemon.has_image = false;
  const Outcome outcome = run_program(daemon.fake, {"run", "-d", "busybox"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("Unable to find image 'busybox:latest' locally\nPulled\n"));
  EXPECT_THAT(daemon.calls(), ElementsAre("POST /v1.50/containers/create", "POST /v1.50/images/create",
                                          "POST /v1.50/containers/create", "POST /v1.50/containers/c1/start"));
}

TEST(Run, EndsAsAShellWouldIfTheCommandCannotRun) {
  for (const auto& [message, code] : {std::pair{"exec: \"x\": executable file not found in $PATH", 127},
                                      {"exec: \"/etc\": permission denied", 126},
                                      {"driver failed", 125}}) {
    Daemon daemon;
    daemon.start_failure = message;
    const Outcome outcome = run_program(daemon.fake, {"run", "busybox", "x"});
    EXPECT_EQ(outcome.code, code);
    EXPECT_THAT(outcome.err, HasSubstr(std::string("gantry: Error response from daemon: ") + message +
                                       "\n\nRun 'gantry run --help' for more information\n"));
  }
}

TEST(Run, StartsNothingOnceItIsAskedToEnd) {
  for (const char* moment : {"/create", "/attach", "/wait"}) {
    Daemon daemon;
    daemon.signals = {{moment, SIGINT}};
    const Outcome outcome = run_program(daemon.fake, {"run", "--rm", "busybox"});
    EXPECT_EQ(outcome.code, 130) << moment;
    const auto calls = daemon.calls();
    EXPECT_THAT(calls, Not(Contains(HasSubstr("/start")))) << moment;
    EXPECT_EQ(calls.back(), "DELETE /v1.50/containers/c1") << moment;
  }
}

TEST(Run, HandsOnWhatComesWhileTheContainerStarts) {
  Daemon daemon;
  daemon.signals = {{"/wait", SIGUSR1}, {"/start", SIGTERM}};
  const Outcome outcome = run_program(daemon.fake, {"run", "busybox"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(daemon.fake.requests(), IsSupersetOf({"POST /v1.50/containers/c1/kill?signal=USR1",
                                                    "POST /v1.50/containers/c1/kill?signal=TERM"}));
}

TEST(Run, MayBeBrokenOffWhileItPulls) {
  Daemon daemon;
  daemon.has_image = false;
  daemon.signals = {{"/images/create", SIGINT}};
  run_program(daemon.fake, {"run", "busybox"});
  EXPECT_EQ(daemon.calls().back(), "POST /v1.50/images/create");
}

TEST(Run, SpeaksAnOlderDaemonsVersion) {
  Daemon daemon;
  daemon.api = "1.45";
  EXPECT_EQ(run_program(daemon.fake, {"run", "-d", "busybox"}).out, "c1\n");
  EXPECT_THAT(daemon.calls(), ElementsAre("POST /v1.50/containers/create", "POST /v1.45/containers/create",
                                          "POST /v1.45/containers/c1/start"));
}

TEST(Run, RefusesWithoutAskingTheDaemon) {
  Daemon daemon;
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    return run_program(daemon.fake, arguments);
  };
  EXPECT_EQ(run({"-p", "abc", "busybox"}).err,
            "gantry: invalid containerPort: abc\n\nRun 'gantry run --help' for more information\n");
  EXPECT_EQ(run({"-p", "abc", "busybox"}).code, 125);
  EXPECT_THAT(run({"--rm", "--restart", "always", "busybox"}).err,
              HasSubstr("conflicting options: cannot specify both --restart and --rm"));
  EXPECT_EQ(run({"-it", "busybox"}).err, "the input device is not a TTY\n");
  EXPECT_EQ(run({"-it", "busybox"}).code, 1);
  EXPECT_EQ(run({"--bogus"}).code, 125);
  EXPECT_EQ(run({}).code, 1);
  EXPECT_THAT(daemon.fake.requests(), ElementsAre());
}

TEST(Connection, ThatNobodyAnswersIsSaidPlainly) {
  std::string address;
  {
    const Daemon gone;
    address = gone.fake.address();
  }
  Daemon other;
  const Outcome outcome = run_program(other.fake, {"-H", address, "ps"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "Cannot connect to the gantry daemon at " + address + ". Is the gantry daemon running?\n");
}

// What is asked of the client is answered; what is asked of the server is no mistake of the template's.
TEST(Version, OfAServerThatDoesNotAnswerIsNothing) {
  std::string address;
  {
    const Daemon gone;
    address = gone.fake.address();
  }
  Daemon other;
  const auto ask = [&](const std::string& format) {
    return run_program(other.fake, {"-H", address, "version", "--format", format});
  };
  const std::string nobody = "Cannot connect to the gantry daemon at " + address + ". Is the gantry daemon running?\n";
  for (const auto& [format, output] : {std::pair{"{{.Client.Os}}", "linux\n"},
                                       {"{{.Client.Os}} {{.Server.Os}}", "linux \n"},
                                       {"{{.Server.Version}}", "\n"},
                                       {"{{json .Server}}", "null\n"}}) {
    const Outcome outcome = ask(format);
    EXPECT_EQ(outcome.code, 1) << format;
    EXPECT_EQ(outcome.out, output) << format;
    EXPECT_EQ(outcome.err, nobody) << format;
  }
  const Outcome mistake = ask("{{");
  EXPECT_EQ(mistake.code, 64);
  EXPECT_THAT(mistake.err, HasSubstr("template parsing error: "));
  const Outcome info = run_program(other.fake, {"-H", address, "info", "--format", "{{.ServerVersion}}"});
  EXPECT_EQ(info.code, 1);
  EXPECT_EQ(info.out, "\n");
  EXPECT_EQ(info.err, nobody);
}

}  // namespace
}  // namespace gantry::cli
