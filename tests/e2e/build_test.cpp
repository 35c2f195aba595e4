// Builds: a folder of Dockerfiles with what dockerd makes of each, and what a user does beside them.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Build : public BothClients {
 protected:
  /// A directory with files, made for one test.
  static fs::path context(const std::map<std::string, std::string>& files) {
    const fs::path folder = daemon->root() / "context";
    fs::remove_all(folder);
    for (const auto& [name, content] : files) {
      fs::create_directories((folder / name).parent_path());
      std::ofstream(folder / name) << content;
    }
    return folder;
  }
  std::size_t build_each(const std::string& client, bool of_buildkit);
  void TearDown() override {
    if (!IsSkipped()) daemon->cli("image prune -f");
    if (!IsSkipped()) daemon->cli("builder prune -f");
    BothClients::TearDown();
  }
};
INSTANTIATE_TEST_SUITE_P(By, Build, ::testing::Values("gantry", "docker"), client_name);

std::string content_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

/// A command's errors are red piece by piece, and where one ends depends on when it was read, as with dockerd.
std::string joined(std::string text) {
  const std::string seam = "\x1B[0m\x1B[91m";
  for (std::size_t at = text.find(seam); at != std::string::npos; at = text.find(seam, at)) text.erase(at, seam.size());
  return text;
}

/// Builds the Dockerfiles that dockerd's classic builder, or its BuildKit, was asked about. Answers how many there are.
/// Docker's CLI sends the same contexts to the same builder, which is the same in a process of its own, too: by these
/// one in four, or all with GANTRY_TEST_ALL=1.
std::size_t Build::build_each(const std::string& client, bool of_buildkit) {
  const fs::path base = daemon->root() / "base-listing";
  const bool first = std::string{GetParam()} == "gantry" && std::getenv("GANTRY_TEST_ISOLATE") == nullptr;
  const bool all = first || std::getenv("GANTRY_TEST_ALL") != nullptr;
  std::size_t cases = 0;
  for (const auto& entry : fs::directory_iterator{fs::path{GANTRY_DOCKERFILES}}) {
    if (!entry.is_directory() || fs::exists(entry.path() / "buildkit") != of_buildkit) continue;
    if (++cases % 4 != 0 && !all) continue;
    const std::string command =
        "BASE=" + base.string() + " " + GANTRY_DOCKERFILES + "/describe " + client + " " + entry.path().string();
    const Result described = shell(command, daemon->environment());
    EXPECT_EQ(joined(described.out), joined(content_of(entry.path() / "expected"))) << entry.path() << "\n"
                                                                                    << described.err;
  }
  return cases;
}

std::string client_program(const std::string& name) {
  return name == "docker" ? "$GANTRY_TEST_DOCKER" : program("gantry").string();
}

TEST_P(Build, MakesOfEachDockerfileWhatDockerdMakes) {
  if (shell("command -v jq").code != 0) GTEST_SKIP() << "no jq on this machine";
  EXPECT_GE(build_each(client_program(GetParam()), false), 150U);
}

TEST_P(Build, MakesOfEachDockerfileWhatBuildKitMakes) {
  if (shell("command -v jq").code != 0) GTEST_SKIP() << "no jq on this machine";
  EXPECT_GE(build_each(client_program(GetParam()), true), 90U);
}

TEST_P(Build, FindsItsStepsAgainAfterARestartAndATouch) {
  const fs::path folder = context({{"Dockerfile", "FROM busybox\nCOPY a /\nRUN date +%N >/when\n"}, {"a", "x"}});
  const std::string first = run("build -q " + folder.string()).line();
  daemon->kill(SIGKILL);
  daemon->wait();
  ASSERT_TRUE(daemon->start()) << daemon->log();
  shell("touch -d 2001-01-01 " + (folder / "a").string());
  const Result second = run("build " + folder.string());
  EXPECT_THAT(second.out, HasSubstr(" ---> Using cache"));
  EXPECT_EQ(run("build -q " + folder.string()).line(), first);
  std::ofstream(folder / "a") << "changed";
  EXPECT_THAT(run("build " + folder.string()).out, Not(HasSubstr(" ---> Using cache")));
}

TEST_P(Build, TakesTheDockerfileFromItsInput) {
  const fs::path folder = context({{"f", "hi\n"}});
  const Result built = run("build -t piped -f - " + folder.string(), "FROM busybox\nCOPY . /c\n");
  EXPECT_EQ(built.code, 0) << built.out << built.err;
  EXPECT_EQ(run("run --rm piped cat /c/f").out, "hi\n");
  run("rmi piped");
}

TEST_P(Build, KeepsModesBelowASetGroupDirectory) {
  const fs::path folder = context(
      {{"Dockerfile",
        "FROM busybox AS made\nRUN mkdir -p /from/data/sub && chmod 700 /from/data/sub && chmod 2775 /from/data\n"
        "FROM busybox\nCOPY --from=made /from /to\nCOPY d /to/data/d\n"
        "WORKDIR /shut\nRUN chmod 700 /shut\nUSER 1000\nRUN pwd\nUSER root\n"
        "RUN stat -c %a /to/data /to/data/sub /to/data/d\n"},
       {"d/f", "x"}});
  const Result built = run("build --no-cache " + folder.string());
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\n/shut\n"));
  EXPECT_THAT(built.out, HasSubstr("\n2775\n700\n755\n"));
}

TEST_P(Build, SkipsStagesThatNobodyNeeds) {
  const fs::path folder = context({{"Dockerfile", "FROM busybox AS a\nRUN false\nFROM busybox\nRUN echo fine\n"}});
  const Result built = run("build " + folder.string());
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("Step 2/2 : RUN echo fine"));
}

TEST_P(Build, MountsIntoARun) {
  const fs::path folder = context({{"Dockerfile",
                                    "FROM busybox AS a\nRUN echo from-a >/x\nFROM busybox\n"
                                    "RUN --mount=type=bind,target=/in cat /in/file; ! touch /in/new\n"
                                    "RUN --mount=type=bind,from=a,source=/x,target=/y cat /y\n"
                                    "RUN --mount=type=cache,target=/c echo kept >>/c/n\n"
                                    "RUN --mount=type=cache,target=/c cat /c/n\n"
                                    "RUN --mount=type=tmpfs,target=/t df /t | grep tmpfs\n"
                                    "RUN test ! -e /in && test ! -e /y && test ! -e /c && test ! -e /t\n"
                                    "RUN --network=none test $(ls /sys/class/net | wc -l) = 1\n"},
                                   {"file", "in-context\n"}});
  const Result built = run("build --no-cache " + folder.string());
  EXPECT_EQ(built.code, 0) << built.out << built.err;
  for (const char* text : {"\nin-context\n", "\nfrom-a\n", "\nkept\n"}) EXPECT_THAT(built.out, HasSubstr(text));
}

TEST_P(Build, LetsNoCommandOntoTheHostsNetworkUnasked) {
  const fs::path folder = context({{"Dockerfile", "FROM busybox\nRUN --network=host ls /sys/class/net\n"}});
  const Result refused = run("build --no-cache " + folder.string());
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr("granting entitlement network.host is not allowed by the client"));
  const Result allowed = run("build --no-cache --network host " + folder.string());
  EXPECT_EQ(allowed.code, 0) << allowed.err;
  EXPECT_THAT(allowed.out, HasSubstr("gantry0"));
  EXPECT_EQ(cli("build --no-cache --allow network.host " + folder.string()).code, 0);
}

TEST_P(Build, TakesHereDocuments) {
  const fs::path folder = context({{"Dockerfile",
                                    "FROM busybox\nENV WHO=me\nRUN <<EOF\necho one\necho two\nEOF\n"
                                    "COPY <<A <<'B' /d/\nfor $WHO\nA\nfor $WHO\nB\nRUN cat /d/A /d/B\n"}});
  const Result built = run("build --no-cache " + folder.string());
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("one\ntwo\n"));
  EXPECT_THAT(built.out, HasSubstr("for me\nfor $WHO\n"));
}

TEST_P(Build, KeepsWhatFailedForTheUserToLookAt) {
  const fs::path folder = context({{"Dockerfile", "FROM busybox\nRUN echo why >/log; exit 3\n"}});
  EXPECT_EQ(run("build " + folder.string()).code, 3);
  const std::string id = run("ps -alq").line();
  ASSERT_NE(id, "");
  EXPECT_THAT(run("diff " + id).out, HasSubstr("A /log"));
  EXPECT_EQ(run("rm " + id).code, 0);
  EXPECT_EQ(run("build --force-rm " + folder.string()).code, 3);
  EXPECT_EQ(run("ps -aq").out, "");
}

TEST_P(Build, SaysAtAQuietBuildsEndWhyItFailed) {
  const Result failed = run("build -q " + context({{"Dockerfile", "FROM busybox\nRUN echo first; exit 3\n"}}).string());
  EXPECT_NE(failed.code, 0);
  EXPECT_THAT(failed.out, ::testing::IsEmpty());
  EXPECT_THAT(failed.err, HasSubstr("Step 2/2 : RUN echo first; exit 3"));
  EXPECT_THAT(failed.err, HasSubstr("returned a non-zero code: 3"));
}

TEST_P(Build, RefusesAContextThatLeadsOut) {
  const fs::path folder = context({{"Dockerfile", "FROM busybox\nCOPY link /copied\nRUN cat /copied\n"}});
  fs::create_symlink("../../../../../etc/hostname", folder / "link");
  const Result built = run("build " + folder.string());
  EXPECT_NE(built.code, 0);
  EXPECT_THAT(built.err, HasSubstr("file not found in build context"));
}

TEST_P(Build, PruneFreesTheCacheAndKeepsWhatIsNamed) {
  const fs::path folder = context({{"Dockerfile", "FROM busybox\nRUN echo a >/a\nRUN echo b >/b\n"}});
  ASSERT_EQ(run("build --no-cache -t kept " + folder.string()).code, 0);
  EXPECT_EQ(run("builder prune -f").code, 0);
  EXPECT_EQ(run("run --rm kept cat /a /b").out, "a\nb\n");
  EXPECT_EQ(run("rmi kept").code, 0);
  EXPECT_THAT(run("images -aq").lines().size(), 1U) << "only busybox is left";
}

TEST_P(Build, GivesTheSameImageAgainForTheSameSourceDate) {
  const fs::path folder =
      context({{"Dockerfile", "FROM busybox\nRUN mkdir /d && echo a >/d/a\nCOPY file /file\nWORKDIR /w\nENV x=y\n"},
               {"file", "content"}});
  const std::string command = "build -q --no-cache --build-arg SOURCE_DATE_EPOCH=1600000000 " + folder.string();
  const std::string first = run(command).line();
  EXPECT_THAT(first, ::testing::StartsWith("sha256:"));
  EXPECT_EQ(run("inspect -f '{{.Created}}' " + first).line(), "2020-09-13T12:26:40Z");
  EXPECT_EQ(run("run --rm " + first + " stat -c %Y /d /d/a /w /file").out,
            "1600000000\n1600000000\n1600000000\n1600000000\n");
  // Later, on another clock's second, of files with other times.
  std::ofstream(folder / "file") << "content";
  EXPECT_EQ(run("rmi " + first).code, 0);
  EXPECT_EQ(run(command).line(), first);
  EXPECT_EQ(run("build -q --build-arg SOURCE_DATE_EPOCH=1600000000 " + folder.string()).line(), first) << "cached";
  EXPECT_NE(run("build -q --build-arg SOURCE_DATE_EPOCH=1600000001 " + folder.string()).line(), first);
  const Result wrong = run("build --build-arg SOURCE_DATE_EPOCH=soon " + folder.string());
  EXPECT_THAT(wrong.err, HasSubstr("invalid SOURCE_DATE_EPOCH"));
  if (std::string{GetParam()} != "gantry") return;
  EXPECT_EQ(shell("SOURCE_DATE_EPOCH=1600000000 " + program("gantry").string() + " build -q " + folder.string(),
                  daemon->environment())
                .line(),
            first);
}

TEST_P(Build, SavesWhatIsNamedByItsDigestWithoutAName) {
  const fs::path folder = context({{"Dockerfile", "FROM scratch\nCOPY a /a\n"}, {"a", "x"}});
  const std::string id = run("build -q " + folder.string()).line();
  const std::string manifest = run("save " + id + " | tar xO manifest.json").out;
  EXPECT_THAT(manifest, HasSubstr(R"("RepoTags":null)"));
  EXPECT_EQ(manifest, run("save " + id.substr(7) + " | tar xO manifest.json").out);
  EXPECT_EQ(manifest, run("save " + id.substr(7, 12) + " | tar xO manifest.json").out);
}

TEST_P(Build, CommitMakesAnImageOfAContainer) {
  ASSERT_EQ(run("run --name made busybox sh -c 'echo x >/x'").code, 0);
  const std::string id = run("commit -m why -a me -c 'CMD cat /x' made made:1").line();
  EXPECT_THAT(id, ::testing::StartsWith("sha256:"));
  EXPECT_EQ(run("run --rm made:1").out, "x\n");
  EXPECT_EQ(run("inspect -f '{{.Author}} {{.Comment}}' made:1").line(), "me why");
  run("rm made");
  EXPECT_EQ(run("rmi made:1").code, 0);
}

TEST_P(Build, CommitsWhatEndsMeanwhile) {
  run("create --name brief busybox true");
  for (int i = 0; i < 15; ++i) {
    run("start brief");
    const Result made = run("commit brief brief");
    EXPECT_EQ(made.code, 0) << made.err;
  }
  until([] { return run("inspect -f {{.State.Status}} brief").line() == "exited"; });
  run("rm brief");
  run("rmi brief");
}

TEST_F(Engine, AnswersBuildKitWithWhatToDo) {
  const auto answer = daemon->api("POST", "/build?version=2");
  EXPECT_EQ(daemon->status(), 501);
  EXPECT_THAT(answer.value("message", ""), HasSubstr("DOCKER_BUILDKIT=0"));
}

}  // namespace
}  // namespace gantry::e2e
