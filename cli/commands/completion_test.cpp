// What may stand where the cursor is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/fake_daemon.hpp"

namespace gantry::cli {
namespace {

class Completion : public testing::Test {
 protected:
  std::string words(std::vector<std::string> typed) {
    typed.insert(typed.begin(), {"__complete", "--"});
    const Outcome outcome = run_program(daemon_, typed);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::string out;
    for (const char c : outcome.out) out += c == '\n' ? ' ' : c;
    return out;
  }

  FakeDaemon daemon_{[](FakeConnection& connection, const FakeConnection::Request& request) {
    const auto asks = [&](const char* what) { return request.line.find(what) != std::string::npos; };
    if (asks("/containers/json")) {
      return connection.respond(200, R"([{"Names":["/up"],"State":"running"},{"Names":["/down"],"State":"exited"},)"
                                     R"({"Names":["/held"],"State":"paused"},)"
                                     R"({"Names":["/again"],"State":"restarting"}])");
    }
    if (asks("/networks")) return connection.respond(200, R"([{"Name":"bridge"},{"Name":"back"}])");
    if (asks("/volumes")) return connection.respond(200, R"({"Volumes":[{"Name":"data"}]})");
    if (asks("/images")) return connection.respond(200, R"([{"RepoTags":["app:latest"]}])");
    connection.respond(200, R"({"Plugins":{"Log":["json-file","local"],"Network":["bridge"],"Volume":["local"]},)"
                            R"("Runtimes":{"runc":{}}})");
  }};
};

TEST_F(Completion, OfValuesAsksTheDaemon) {
  EXPECT_EQ(words({"run", "--network", ""}), "back bridge ");
  EXPECT_EQ(words({"run", "-itv", ""}), "data: ");
  EXPECT_EQ(words({"run", "-v", "/"}), "");
  EXPECT_EQ(words({"run", "--log-driver", "l"}), "local ");
  EXPECT_EQ(words({"run", "--runtime", ""}), "runc ");
  EXPECT_EQ(words({"network", "create", "-d", ""}), "bridge ");
  EXPECT_EQ(words({"run", "--volumes-from", "u"}), "up ");
  EXPECT_EQ(words({"run", "--pid", "container:d"}), "container:down ");
}

TEST_F(Completion, OfValuesKnowsThoseThatAreFixed) {
  EXPECT_EQ(words({"run", "--restart", "o"}), "on-failure ");
  EXPECT_EQ(words({"run", "--pull", ""}), "always missing never ");
  EXPECT_EQ(words({"ps", "--format", ""}), "json table ");
  EXPECT_EQ(words({"inspect", "--format", ""}), "json ");
  EXPECT_EQ(words({"run", "--cap-add", "CAP_NET_R"}), "CAP_NET_RAW ");
  EXPECT_EQ(words({"-l", "w"}), "warn ");
  EXPECT_EQ(words({"build", "--progress", ""}), "auto classic plain tty ");
  EXPECT_EQ(words({"run", "--env-file", ""}), "");
}

TEST_F(Completion, OfFiltersHasKeysAndValues) {
  EXPECT_EQ(words({"ps", "-f", "st"}), "status= ");
  EXPECT_EQ(words({"ps", "-f", "status=re"}), "status=removing status=restarting ");
  EXPECT_EQ(words({"ps", "--filter", "network="}), "network=back network=bridge ");
  EXPECT_EQ(words({"volume", "ls", "-f", "na"}), "name= ");
  EXPECT_EQ(words({"events", "-f", "type=v"}), "type=volume ");
  EXPECT_EQ(words({"plugin", "ls", "-f", ""}), "capability= enabled= kind= ");
  EXPECT_EQ(words({"plugin", "ls", "-f", "kind=i"}), "kind=ipam ");
  EXPECT_EQ(words({"ps", "-f", "nonesuch="}), "");
}

TEST_F(Completion, FindsTheValueWhereverTheShellEndsAWord) {
  EXPECT_EQ(words({"run", "--network=b"}), "--network=back --network=bridge ");
  EXPECT_EQ(words({"run", "--network", "="}), "back bridge ");
  EXPECT_EQ(words({"run", "--network", "=", "ba"}), "back ");
  EXPECT_EQ(words({"ps", "--filter", "=", "status", "=", "d"}), "dead ");
  EXPECT_EQ(words({"ps", "-f", "status", "="}), words({"ps", "-f", "status", "=", ""}));
}

TEST_F(Completion, KnowsFlagsFromArguments) {
  EXPECT_EQ(words({"run", "--name", "x", "-d", ""}), "app app:latest ");
  EXPECT_EQ(words({"run", "app", "-"}), "");
  EXPECT_EQ(words({"run", "--network-"}), "--network-alias ");
  EXPECT_EQ(words({"run", "--hel"}), "--help ");
  EXPECT_EQ(words({"run", "--help"}), "--help ");
  EXPECT_EQ(words({"--context"}), "--context ");
  EXPECT_EQ(words({"--context", ""}), "default ");
  EXPECT_EQ(words({"network", "connect", "--ip", "1.2.3.4", "back", "u"}), "up ");
  EXPECT_EQ(words({"exec", "-u", "root", ""}), "held up ");
}

TEST_F(Completion, OfContainersHasThoseTheCommandWorksOn) {
  EXPECT_EQ(words({"start", ""}), "down ");
  EXPECT_EQ(words({"stop", ""}), "again held up ");
  EXPECT_EQ(words({"pause", ""}), "up ");
  EXPECT_EQ(words({"unpause", ""}), "held ");
  EXPECT_EQ(words({"logs", ""}), "again down held up ");
}

TEST_F(Completion, TellsLikeDockersWhetherFilesMayFollow) {
  EXPECT_EQ(run_program(daemon_, {"__complete", "run", "--network", "ba"}).out, "back\n:4\n");
  EXPECT_EQ(run_program(daemon_, {"__complete", "run", "--env-file", ""}).out, ":0\n");
}

}  // namespace
}  // namespace gantry::cli
