// Secrets and SSH agents that a build's commands are lent.

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class BuildLending : public Engine {
 protected:
  void TearDown() override {
    cli("image prune -f");
    cli("builder prune -f");
    Engine::TearDown();
  }
  static Result build(const std::string& recipe, const std::string& flags) {
    return cli("build " + flags + " -", "FROM busybox\n" + recipe);
  }
  static fs::path secret(const std::string& content) {
    const fs::path file = daemon->root() / "secret";
    std::ofstream(file) << content;
    return file;
  }
  static fs::path lent() { return daemon->exec_root() / "drivers/builder-dockerfile"; }
};

TEST_F(BuildLending, MountsASecretForOneCommand) {
  const std::string flag = "--secret id=key,src=" + secret("very-secret-1").string();
  const Result built = build(
      "RUN --mount=type=secret,id=key cat /run/secrets/key && stat -c ' %a %u %g' /run/secrets/key && stat -fc %T "
      "/run/secrets/key\n"
      "RUN --mount=type=secret,id=key,target=/in,mode=0440,uid=3,gid=4 stat -c '%a %u %g' /in; ! echo x >/in\n"
      "RUN test ! -e /run/secrets && test ! -e /in\n",
      flag);
  EXPECT_EQ(built.code, 0) << built.out << built.err;
  EXPECT_THAT(built.out, HasSubstr("very-secret-1 400 0 0\ntmpfs\n"));
  EXPECT_THAT(built.out, HasSubstr("440 3 4\n"));
}

TEST_F(BuildLending, GivesASecretAsAVariableThatNoRecordHolds) {
  const Result built = cli("build --secret id=token,env=TOKEN -t lent -",
                           "FROM busybox\nENV A=b\n"
                           "RUN --mount=type=secret,id=token,env=IN test $IN = $(echo dmVyeS1zZWNyZXQtMg== | base64 "
                           "-d) && ! test -e /run/secrets/token; exit 0\n");
  EXPECT_EQ(built.code, 0) << built.err;
  const Result with = shell("TOKEN=very-secret-2 " + program("gantry").string() +
                                " build --no-cache --secret id=token,env=TOKEN -t lent - <<'E'\nFROM busybox\n"
                                "RUN --mount=type=secret,id=token,env=IN echo $IN | base64\nE\n",
                            daemon->environment());
  EXPECT_THAT(with.out, HasSubstr("dmVyeS1zZWNyZXQtMgo=")) << with.err;
  EXPECT_THAT(cli("inspect lent").out, Not(HasSubstr("very-secret")));
  EXPECT_THAT(cli("history --no-trunc lent").out, Not(HasSubstr("very-secret")));
  // Nowhere on the disk: not in the state, no layer, no log.
  EXPECT_EQ(shell("grep -rlae very-secret-2 " + daemon->data_root().string()).out, "");
  cli("rmi lent");
}

TEST_F(BuildLending, LeavesNoSecretBesideAContainerThatFailed) {
  const std::string flag = "--secret id=key,src=" + secret("very-secret-3").string();
  const Result built = build("RUN --mount=type=secret,id=key --mount=type=secret,id=key,env=K false\n", flag);
  EXPECT_NE(built.code, 0);
  const std::string id = cli("ps -alq").line();
  EXPECT_THAT(cli("inspect " + id).out, Not(HasSubstr("very-secret-3")));
  EXPECT_TRUE(fs::is_empty(lent()));
  EXPECT_EQ(shell("grep -rlae very-secret-3 " + daemon->data_root().string()).out, "");
}

TEST_F(BuildLending, NeedsNoSecretForAStepThatItHasAndNamesOneThatIsMissing) {
  const std::string recipe = "RUN --mount=type=secret,id=key,required=true cat /run/secrets/key\n";
  EXPECT_THAT(build(recipe, "").err, HasSubstr("secret key: not found"));
  EXPECT_EQ(build(recipe, "--secret id=key,src=" + secret("one").string()).code, 0);
  // A secret is no part of a step's name.
  EXPECT_THAT(build(recipe, "--secret id=key,src=" + secret("two").string()).out, HasSubstr(" ---> Using cache"));
  EXPECT_THAT(build(recipe, "").out, HasSubstr(" ---> Using cache"));
  EXPECT_EQ(build("RUN --mount=type=secret,id=other test ! -e /run/secrets/other\n", "").code, 0);
  EXPECT_THAT(build("RUN true\n", "--secret id=key,src=/none").err, HasSubstr("failed to stat /none"));
  EXPECT_THAT(build("RUN true\n", "--secret src=/none").err, HasSubstr("secret missing \"id\""));
}

TEST_F(BuildLending, ForgetsASessionThatABuildHasTaken) {
  const auto session = daemon->api("POST", "/build/sessions", R"({"Secrets": {"a": "eA=="}})").value("Id", "");
  ASSERT_EQ(session.size(), 64U);
  EXPECT_EQ((daemon->api("POST", "/build?loans=" + session), daemon->status()), 400);
  EXPECT_EQ((daemon->api("POST", "/build?loans=" + session), daemon->status()), 404);
  EXPECT_EQ((daemon->api("POST", "/build/sessions", R"({"Secrets": {"a": "%"}})"), daemon->status()), 400);
}

TEST_F(BuildLending, LendsAnAgentForListsAndSignaturesOnly) {
  if (shell("command -v python3").code != 0) GTEST_SKIP() << "no python3 on this machine";
  const std::string tool = std::string{"python3 "} + GANTRY_SSH_AGENT;
  const std::string socket = (daemon->root() / "agent").string();
  Background agent{tool + " serve " + socket, {}, false};
  ASSERT_TRUE(agent.wait_for("ready"));
  std::ofstream(daemon->root() / "recipe")
      << "FROM busybox\n"
         "RUN --mount=type=ssh --mount=type=cache,id=go,target=/c echo at=$SSH_AUTH_SOCK; stat -c mode=%a "
         "$SSH_AUTH_SOCK; "
         "until test -e /c/go; do usleep 20000; done\nRUN test ! -e /run/buildkit\n";
  const auto build =
      daemon->background("build --ssh default=" + socket + " - <" + (daemon->root() / "recipe").string());
  ASSERT_TRUE(build->wait_for("at=/run/buildkit/ssh_agent.0")) << build->output();
  ASSERT_TRUE(build->wait_for("mode=600"));
  const std::string place = shell("ls -d " + lent().string() + "/lent-*/0").line();
  EXPECT_EQ(shell(tool + " ask " + place + " 11").line(), "answer to 11");
  EXPECT_EQ(shell(tool + " ask " + place + " 13").line(), "answer to 13");
  // 17 adds a key, 19 removes all of them, 22 locks the agent.
  for (const char* type : {"17", "19", "22", "27"}) EXPECT_EQ(shell(tool + " ask " + place + " " + type).line(), "05");
  EXPECT_THAT(agent.output(), Not(HasSubstr("got 17")));
  shell("for d in " + daemon->data_root().string() +
        "/drivers/builder-dockerfile/cache-mounts/*; do touch $d/go; done");
  EXPECT_EQ(build->wait(), 0) << build->output();
  EXPECT_TRUE(fs::is_empty(lent()));
  const Result without = BuildLending::build("RUN --mount=type=ssh,required true\n", "");
  EXPECT_THAT(without.err, HasSubstr("no SSH key \"default\" forwarded from the client"));
}

TEST_F(BuildLending, AsksBeforeACommandIsPrivileged) {
  const std::string recipe = "RUN --security=insecure grep CapEff /proc/self/status\n";
  EXPECT_THAT(build(recipe, "").err, HasSubstr("entitlement security.insecure is not allowed"));
  EXPECT_THAT(build(recipe, "--allow security.insecure").out, HasSubstr("CapEff:\t000001ff"));
  EXPECT_THAT(build("RUN --security=sandbox grep CapEff /proc/self/status\n", "").out,
              Not(HasSubstr("CapEff:\t000001ff")));
  EXPECT_THAT(build(recipe, "--allow all").err, HasSubstr("invalid entitlement"));
  const std::string networked = "RUN --network=host true\n";
  EXPECT_THAT(build(networked, "").err, HasSubstr("entitlement network.host is not allowed"));
  EXPECT_EQ(build(networked, "--allow network.host").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
