// Contexts, shared with docker: which daemon is spoken to, by its socket and over ssh; completion.

#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class NamedDaemons : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    fs::remove_all(home());
    fs::create_directories(home() / "bin");
  }
  static fs::path home() { return daemon->root() / "home"; }
  /// A command with no daemon in its environment, and contexts of this test alone.
  static Result at_home(const std::string& command, const std::string& variables = {}) {
    return shell("cd " + home().string() + "; unset GANTRY_HOST DOCKER_HOST; export PATH=" + home().string() +
                     "/bin:" + program("gantry").parent_path().string() + ":$PATH DOCKER_CONFIG=" + home().string() +
                     "/config " + variables + "; " + command,
                 daemon->environment());
  }
};

TEST_F(NamedDaemons, AreChosenByFlagEnvironmentAndUse) {
  ASSERT_EQ(at_home("gantry context create lab --docker host=" + daemon->host()).code, 0);
  cli("create --name here busybox");
  EXPECT_EQ(at_home("gantry --context lab ps -a --format '{{.Names}}'").line(), "here");
  EXPECT_EQ(at_home("gantry ps -a --format '{{.Names}}'", "DOCKER_CONTEXT=lab").line(), "here");
  EXPECT_NE(at_home("gantry ps -a").code, 0);
  EXPECT_EQ(at_home("gantry context use lab && gantry ps -a --format '{{.Names}}'").lines().back(), "here");
  EXPECT_NE(at_home("gantry ps", "DOCKER_HOST=unix:///nonesuch").code, 0);
  EXPECT_THAT(at_home("gantry --context lab -H unix:///x ps").err,
              HasSubstr("conflicting options: cannot specify both --host and --context"));
  EXPECT_THAT(
      at_home("gantry --context nosuch ps").err,
      HasSubstr("Failed to initialize: unable to resolve docker endpoint: context \"nosuch\": context not found"));
  EXPECT_THAT(at_home("gantry context rm lab").err,
              HasSubstr("context \"lab\" is in use, set -f flag to force remove"));
  EXPECT_EQ(at_home("gantry context rm -f lab && gantry context show").lines().back(), "default");
}

TEST_F(NamedDaemons, AreTheSameForDocker) {
  if (!have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
  ASSERT_EQ(at_home("gantry context create ours --description 'made by gantry' --docker host=" + daemon->host()).code,
            0);
  cli("create --name here busybox");
  EXPECT_EQ(at_home("docker --context ours ps -a --format '{{.Names}}'").line(), "here");
  EXPECT_EQ(at_home("docker context inspect ours").out, at_home("gantry context inspect ours").out);
  ASSERT_EQ(at_home("docker context create theirs --docker host=" + daemon->host()).code, 0);
  EXPECT_EQ(at_home("docker context use theirs && gantry ps -a --format '{{.Names}}'").lines().back(), "here");
  EXPECT_EQ(at_home("gantry context export ours - | docker context import copied -").line(), "copied");
  EXPECT_EQ(at_home("docker context export theirs - | gantry context import again -").line(), "again");
  EXPECT_EQ(at_home("docker context ls -q").out, at_home("gantry context ls -q").out);
}

TEST_F(NamedDaemons, AreReachedBySsh) {
  // What stands behind "--" and the host runs on this machine.
  std::ofstream(home() / "bin" / "ssh") << "#!/bin/sh\necho \"$*\" >>" << (home() / "asked").string()
                                        << "\nwhile [ \"$1\" != -- ]; do shift; done\n[ \"$2\" = far ] || exit 255\n"
                                        << "GANTRY_HOST=" << daemon->host() << " exec sh -c \"$3\"\n";
  fs::permissions(home() / "bin" / "ssh", fs::perms::owner_all);
  ASSERT_EQ(at_home("gantry context create far --docker host=ssh://me@far:2222").code, 0);
  const Result ran = at_home("echo typed | gantry --context far run -i --rm busybox cat");
  EXPECT_EQ(ran.out, "typed\n") << ran.err;
  EXPECT_EQ(at_home("gantry -H ssh://far run --rm busybox sh -c 'exit 7'").code, 7);
  EXPECT_THAT(shell("cat " + (home() / "asked").string()).out,
              HasSubstr("-o ConnectTimeout=30 -T -l me -p 2222 -- far"));
  const Result lost = at_home("gantry -H ssh://nowhere ps");
  EXPECT_EQ(lost.code, 1);
  EXPECT_THAT(lost.err, HasSubstr("has exited with exit status 255"));
}

TEST_F(NamedDaemons, AndTheirContentsAreProposed) {
  cli("create --name proposed busybox");
  EXPECT_EQ(cli("__complete -- st").out, "start\nstats\nstop\n");
  EXPECT_EQ(cli("__complete -- container un").out, "unpause\n");
  EXPECT_EQ(cli("__complete -- start prop").out, "proposed\n");
  EXPECT_EQ(cli("__complete -- run --rm busy").out, "busybox\nbusybox:latest\n");
  EXPECT_EQ(cli("__complete -- run --health-i").out, "--health-interval\n");
  EXPECT_EQ(cli("__complete -- volume rm ''").out, "");
  EXPECT_EQ(cli("__complete -- nonsense x").out, "");
  for (const char* shell_name : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(cli(std::string{"completion "} + shell_name).out, HasSubstr("gantry __complete -- "));
  }
  const Result typed = shell("bash -c 'source <(" + program("gantry").string() +
                                 " completion bash); PATH=" + program("gantry").parent_path().string() +
                                 ":$PATH COMP_WORDS=(gantry start prop) COMP_CWORD=2; _gantry; echo ${COMPREPLY[@]}'",
                             daemon->environment());
  EXPECT_EQ(typed.out, "proposed\n") << typed.err;
  EXPECT_EQ(cli("completion powershell").code, 1);
}

}  // namespace
}  // namespace gantry::e2e
