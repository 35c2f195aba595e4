// What gantry's own builds can do beyond Docker's classic builder: stages side by side, contexts by name, outputs.

#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BuildStages : public Engine {
 protected:
  void TearDown() override {
    cli("image prune -f");
    cli("builder prune -f");
    Engine::TearDown();
  }
  static fs::path context(const std::map<std::string, std::string>& files, const std::string& name = "context") {
    const fs::path folder = daemon->root() / name;
    fs::remove_all(folder);
    for (const auto& [file, content] : files) {
      fs::create_directories((folder / file).parent_path());
      std::ofstream(folder / file) << content;
    }
    return folder;
  }
  static Result build(const std::string& recipe, const std::string& flags = {}) {
    return cli("build " + flags + " -", recipe);
  }
};

/// Each of two stages goes on only when the other one has begun.
constexpr const char* kMeeting =
    "FROM busybox AS a\nRUN --mount=type=cache,target=/c touch /c/a; until test -e /c/b; do usleep 10000; done; echo a "
    ">/f\n"
    "FROM busybox AS b\nRUN --mount=type=cache,target=/c touch /c/b; until test -e /c/a; do usleep 10000; done; echo b "
    ">/f\n"
    "FROM busybox\nCOPY --from=a /f /a\nCOPY --from=b /f /b\nRUN cat /a /b\n";

TEST_F(BuildStages, GoOnSideBySideAndAreToldOneAfterTheOther) {
  const Result built = build(kMeeting);
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\na\nb\n"));
  const std::size_t second = built.out.find("Step 3/8 : FROM busybox AS b");
  EXPECT_LT(built.out.find("Step 2/8"), second);
  EXPECT_LT(second, built.out.find("Step 5/8 : FROM busybox"));
}

TEST_F(BuildStages, EndWithTheOneThatFails) {
  const Result built = build(
      "FROM busybox AS a\nRUN --mount=type=cache,target=/c touch /c/a; while :; do usleep 50000; done\n"
      "FROM busybox AS b\nRUN --mount=type=cache,target=/c until test -e /c/a; do usleep 10000; done; exit 7\n"
      "FROM busybox\nCOPY --from=a /f /a\nCOPY --from=b /f /b\n");
  EXPECT_EQ(built.code, 7);
  EXPECT_THAT(built.err, HasSubstr("returned a non-zero code: 7"));
  EXPECT_EQ(cli("ps -q").out, "");
}

TEST_F(BuildStages, ShowTheLinesThatFailed) {
  const Result built = build("FROM busybox\nRUN true\nRUN exit \\\n  5\n");
  EXPECT_THAT(built.err, HasSubstr("Dockerfile:3\n--------------------\n   2 |     RUN true\n   3 | >>> RUN exit \\\n"
                                   "   4 | >>>   5\n   5 |     \n--------------------\n"));
  EXPECT_THAT(build("FROM busybox\nBOGUS x\n").err, HasSubstr("   2 | >>> BOGUS x\n"));
}

TEST_F(BuildStages, AreLookedThroughForWhatIsSeldomMeant) {
  const std::string recipe = "FROM busybox\nMAINTAINER me\nCMD echo x\n";
  const Result built = build(recipe);
  EXPECT_EQ(built.code, 0);
  EXPECT_THAT(built.err, AllOf(HasSubstr(" 2 warnings found:\n - MaintainerDeprecated: "), HasSubstr("(line 2)\n"),
                               HasSubstr(" - JSONArgsRecommended: "), HasSubstr("(line 3)\n")));
  const Result checked = build("FROM none-such\n" + recipe.substr(13), "--check");
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.out,
              AllOf(HasSubstr("Check complete, 2 warnings have been found!\n\n"
                              "WARNING: MaintainerDeprecated - "
                              "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/\n"
                              "Maintainer instruction is deprecated in favor of using label\nDockerfile:2\n-----"),
                    HasSubstr("   3 | >>> CMD echo x\n")));
  EXPECT_EQ(build("FROM busybox\n", "--check").code, 0);
  EXPECT_THAT(build("# check=error=true\n" + recipe).err,
              HasSubstr("lint violation found for rules: JSONArgsRecommended, MaintainerDeprecated"));
  EXPECT_EQ(build("# check=skip=all;error=true\n" + recipe).err, "");
  EXPECT_EQ(build("# check=error=true\n" + recipe, "--build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all").err, "");
  const Result failed = build(recipe, "--call check --build-arg 'BUILDKIT_DOCKERFILE_CHECK=skip=A;error=true'");
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("lint violation found for rules: JSONArgsRecommended, MaintainerDeprecated"));
}

TEST_F(BuildStages, BeginWithAnImageByItsIdButNotByAWordThatMayBeItsStart) {
  const std::string id = cli("images -q --no-trunc busybox").line().substr(std::strlen("sha256:"));
  EXPECT_EQ(build("FROM " + id.substr(0, 12) + "\nUSER 1\n").code, 0);
  // It is asked for at a registry instead, and there is none.
  EXPECT_EQ(build("FROM " + id.substr(0, 1) + "\nUSER 1\n").code, 1);
}

TEST_F(BuildStages, AreLookedThroughForVariablesThatNobodyHasSet) {
  const std::string recipe = "FROM busybox AS one\nENV KNOWN=1\nUSER $UNKNOWN\nFROM busybox\nENV PATH=$PAHT:$PATH\n";
  EXPECT_THAT(build(recipe).err, AllOf(HasSubstr(" 1 warning found:\n - UndefinedVar: Usage of undefined variable "
                                                 "'$PAHT' (did you mean $PATH?) (line 5)\n"),
                                       Not(HasSubstr("UNKNOWN"))));
  EXPECT_THAT(build(recipe, "--check").out,
              AllOf(HasSubstr("undefined variable '$UNKNOWN' (did you mean $KNOWN?)\nDockerfile:3\n"),
                    HasSubstr("2 warnings have been found!")));
  ASSERT_EQ(cli("import --platform linux/arm64 - arm:1", tar_of({{.path = "file", .content = "x"}})).code, 0);
  EXPECT_THAT(build("FROM arm:1\nENV a=b\n").err,
              HasSubstr("InvalidBaseImagePlatform: Base image arm:1 was pulled with platform \"linux/arm64\", "
                        "expected \"linux/amd64\" for current build (line 1)\n"));
  EXPECT_EQ(build("# check=skip=InvalidBaseImagePlatform\nFROM arm:1\nENV a=b\n").err, "");
  cli("rmi arm:1");
  // Not of an image that is not here: it is not fetched for that, and nobody knows its variables.
  EXPECT_EQ(build("FROM registry.invalid/none\nUSER $UNKNOWN\n", "--check").code, 0);
}

TEST_F(BuildStages, AreShownAsStepsThatGoOn) {
  const std::string recipe = "FROM busybox AS base\nENV a=b\nRUN echo said\n";
  EXPECT_THAT(build(recipe, "--progress plain").err,
              AllOf(HasSubstr("#1 [base 1/2] FROM busybox"), HasSubstr("#2 [base 2/2] RUN echo said\n"),
                    HasSubstr(" said\n#2 DONE "), Not(HasSubstr("ENV"))));
  EXPECT_THAT(build(recipe, "--progress plain").err, HasSubstr("#2 CACHED\n"));
  EXPECT_THAT(build("FROM busybox\nRUN false\n", "--progress plain").err, HasSubstr("#2 ERROR: The command"));
  EXPECT_THAT(build(recipe, "--progress sometimes").err, HasSubstr("invalid progress mode: sometimes"));
  std::ofstream(daemon->root() / "recipe") << recipe;
  const auto drawn = daemon->background("build --no-cache - <" + (daemon->root() / "recipe").string(), true);
  EXPECT_EQ(drawn->wait(), 0);
  EXPECT_THAT(drawn->output(), HasSubstr("[+] Building "));
}

TEST_F(BuildStages, AreBuiltAnewWithoutTheirCacheAlone) {
  const std::string recipe =
      "FROM busybox AS a\nRUN date +%N >/a\nFROM busybox AS b\nRUN date +%N >/b\n"
      "FROM busybox\nCOPY --from=a /a /a\nCOPY --from=b /b /b\nRUN cat /a /b\n";
  ASSERT_EQ(build(recipe).code, 0);
  const std::string again = build(recipe, "--no-cache-filter b").out;
  EXPECT_THAT(again, HasSubstr("RUN date +%N >/a\n ---> Using cache"));
  EXPECT_THAT(again, HasSubstr("RUN date +%N >/b\n ---> Running in"));
}

TEST_F(BuildStages, TakeFilesFromContextsByName) {
  const fs::path first =
      context({{"Dockerfile",
                "FROM base\nCOPY --from=more f /f\nRUN --mount=from=more,source=d,target=/d cat /f /d/g\n"
                "COPY . /all\nRUN ls -a /all\n"},
               {"own", "1"}});
  const fs::path more =
      context({{"f", "named\n"}, {"d/g", "mounted\n"}, {"secret", "x"}, {".dockerignore", "secret\n"}}, "more");
  const Result built = cli("build --build-context base=docker-image://busybox --build-context more=" + more.string() +
                           " " + first.string());
  EXPECT_THAT(built.out, HasSubstr("named\nmounted\n")) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\n.\n..\nDockerfile\nown\n"));
  EXPECT_THAT(cli("build --build-context more " + first.string()).err, HasSubstr("invalid context value: more"));
  EXPECT_NE(cli("build --build-context base=docker-image://busybox --build-context more=" + (more / "none").string() +
                " " + first.string())
                .code,
            0);
}

TEST_F(BuildStages, TakeImagesFromLayoutsByName) {
  const fs::path layout = daemon->root() / "layout";
  fs::create_directories(layout);
  ASSERT_EQ(shell("printf 'FROM busybox\nRUN echo x >/inside\n' | " + program("gantry").string() +
                      " build -q --no-cache -t other/name:v1 -o type=oci - | tar -x -C " + layout.string(),
                  daemon->environment())
                .code,
            0);
  cli("rmi other/name:v1");
  const fs::path unpacked = daemon->root() / "unpacked";
  const Result written = cli("build -q --no-cache -o type=oci,tar=false,compression=zstd,registry.insecure=true,dest=" +
                                 unpacked.string() + " -",
                             "FROM busybox\nRUN echo x >/inside\n");
  EXPECT_THAT(written.err, HasSubstr("WARNING: the output attribute registry.insecure has no effect"));
  EXPECT_TRUE(fs::exists(unpacked / "oci-layout"));
  const std::string recipe = "FROM base\nCOPY --from=base /inside /copied\nRUN cat /inside /copied\n";
  EXPECT_EQ(cli("build --build-context base=oci-layout://" + unpacked.string() + " -", recipe).code, 0);
  const std::string flag = "--build-context base=oci-layout://" + layout.string();
  const Result built = cli("build --no-cache " + flag + " -", recipe);
  EXPECT_EQ(built.code, 0) << built.out << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nx\nx\n"));
  const auto index = nlohmann::json::parse(std::ifstream{layout / "index.json"});
  EXPECT_EQ(cli("build " + flag + "@" + index["manifests"][0]["digest"].get<std::string>() + " -", recipe).code, 0);
  EXPECT_THAT(cli("build " + flag + ":none -", recipe).err, HasSubstr("has no image none"));
  EXPECT_THAT(cli("build --build-context base=oci-layout:///nowhere -", recipe).err, HasSubstr("/nowhere/index.json"));
}

TEST_F(BuildStages, TakeContextsByNameBesideADockerfileAlone) {
  const fs::path more = daemon->root() / "more";
  fs::create_directories(more);
  std::ofstream(more / "f") << "of-more\n";
  const Result built =
      cli("build --no-cache --build-context base=docker-image://busybox --build-context more=" + more.string() + " -",
          "FROM base\nCOPY --from=more f /f\nRUN cat /f\n");
  EXPECT_EQ(built.code, 0) << built.out << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nof-more\n"));
}

TEST_F(BuildStages, DoNotSeeADockerfileFromElsewhere) {
  const std::string recipe = "FROM busybox\nCOPY . /c\nRUN cd /c && echo $(find . | sort)\n";
  const fs::path folder = context({{"a", ""}, {"b", ""}, {"Dockerfile.dockerignore", "b\n"}});
  const fs::path elsewhere = context({{"My", recipe}}, "elsewhere");
  const std::string flags = "build --no-cache " + folder.string() + " -f ";
  EXPECT_THAT(cli(flags + "-", recipe).out, HasSubstr("\n. ./Dockerfile.dockerignore ./a ./b\n"));
  EXPECT_THAT(cli(flags + (elsewhere / "My").string()).out, HasSubstr("\n. ./Dockerfile.dockerignore ./a ./b\n"));
  // Its own comes with it, and counts before the context's.
  std::ofstream{elsewhere / "My.dockerignore"} << "a\nDocker*\n";
  std::ofstream{folder / ".dockerignore"} << "b\n";
  EXPECT_THAT(cli(flags + (elsewhere / "My").string()).out, HasSubstr("\n. ./.dockerignore ./b\n"));
  EXPECT_THAT(cli(flags + "-", recipe).out, HasSubstr("\n. ./.dockerignore ./Dockerfile.dockerignore ./a\n"));
  const std::string wrong = "FROM busybox\nRUN false\n";
  EXPECT_THAT(cli(flags + "-", wrong).err, ::testing::StartsWith("Dockerfile:2\n----"));
  EXPECT_THAT(cli(flags + "-", "FROM busybox\nRUN [1]\n").err, HasSubstr("failed to parse Dockerfile: when using"));
  std::ofstream{elsewhere / "My"} << wrong;
  EXPECT_THAT(cli(flags + (elsewhere / "My").string()).err, ::testing::StartsWith("My:2\n----"));
  const fs::path lower = context({{"dockerfile", "FROM busybox\nRUN echo lower\n"}}, "lower");
  EXPECT_THAT(cli("build --no-cache " + lower.string()).out, HasSubstr("\nlower\n"));
}

TEST_F(BuildStages, HaveTheLimitsThatTheirUserGives) {
  const Result built = cli("build --no-cache --ulimit nofile=321:654 -", "FROM busybox\nRUN ulimit -n; ulimit -Hn\n");
  EXPECT_THAT(built.out, HasSubstr("\n321\n654\n")) << built.err;
  EXPECT_THAT(cli("build --ulimit nofile=2:1 -", "FROM busybox\n").err,
              HasSubstr("ulimit soft limit must be less than or equal to hard limit: 2 > 1"));
  EXPECT_THAT(cli("build --builder other -", "FROM busybox\n").err, HasSubstr("no builder \"other\" found"));
  EXPECT_THAT(cli("build --squash -", "FROM busybox\n").err, HasSubstr("experimental mode"));
}

TEST_F(BuildStages, BecomeFilesOfTheUser) {
  const fs::path out = daemon->root() / "out";
  const std::string recipe = "FROM scratch\nCOPY <<E /d/f\ncontent\nE\n";
  const std::string flags = "--iidfile " + (daemon->root() / "id").string() + " --metadata-file " +
                            (daemon->root() / "metadata").string() + " -t named:1 -o type=local,dest=" + out.string() +
                            " -o type=oci,dest=" + out.string() + ".oci";
  const Result built = build(recipe, flags);
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(shell("cat " + out.string() + "/d/f").line(), "content");
  EXPECT_EQ(shell("cd " + out.string() + " && find . -type f").line(), "./d/f");
  EXPECT_THAT(shell("tar -tf " + out.string() + ".oci").out, HasSubstr("index.json"));
  const std::string id = shell("cat " + (daemon->root() / "id").string()).line();
  EXPECT_EQ(id, cli("inspect -f {{.Id}} named:1").line());
  EXPECT_THAT(shell("cat " + (daemon->root() / "metadata").string()).out, AllOf(HasSubstr(id), HasSubstr("named:1")));
  EXPECT_EQ(shell("printf '" + std::string{"FROM scratch\\nCOPY <<E /d/f\\ncontent\\nE\\n"} + "' | " +
                      program("gantry").string() + " build -o - - | tar -xO --wildcards '*d/f'",
                  daemon->environment())
                .line(),
            "content");
  EXPECT_THAT(build(recipe, "-o type=bogus").err, HasSubstr("exporter \"bogus\" could not be found"));
  EXPECT_THAT(build(recipe, "--push").err, HasSubstr("tag is needed when pushing to registry"));
  cli("rmi named:1");
}

TEST_F(BuildStages, BecomeAnArchiveThatDockerLoads) {
  const fs::path out = daemon->root() / "out.tar";
  const Result built =
      build("FROM busybox\nRUN echo made >/made\n", "-t saved:1 -o type=docker,name=saved:1,dest=" + out.string());
  ASSERT_EQ(built.code, 0) << built.err;
  ASSERT_EQ(cli("rmi saved:1").code, 0);
  const Result loaded = have_docker_cli() ? daemon->docker("load -i " + out.string()) : cli("load -i " + out.string());
  EXPECT_THAT(loaded.out, HasSubstr("Loaded image: saved:1")) << loaded.err;
  EXPECT_EQ(cli("run --rm saved:1 cat /made").line(), "made");
  cli("rmi saved:1");
}

TEST_F(BuildStages, BringOnlyTheImagesOwnFilesToADirectory) {
  const fs::path folder = context({{"Dockerfile", "FROM scratch\nCOPY a /a\n"}, {"a", "x"}});
  const fs::path out = daemon->root() / "exported";
  const Result built = cli("build -o " + out.string() + " " + folder.string());
  EXPECT_EQ(built.code, 0) << built.err;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{out}) names.push_back(entry.path().filename());
  EXPECT_THAT(names, ::testing::ElementsAre("a")) << "no /dev, /proc, /sys and /etc of a container's";
  fs::remove_all(out);
}

TEST_F(BuildStages, FindTheirCacheInADirectory) {
  const fs::path cache = daemon->root() / "cache";
  const std::string recipe = "FROM busybox\nRUN echo made >/made\nRUN cat /made\n";
  ASSERT_EQ(build(recipe, "--cache-to type=local,dest=" + cache.string()).code, 0);
  ASSERT_EQ(cli("image prune -f").code, 0);
  const Result again = build(recipe, "--cache-from type=local,src=" + cache.string());
  EXPECT_THAT(again.out, HasSubstr("RUN cat /made\n ---> Using cache")) << again.err;
  EXPECT_THAT(build(recipe, "--cache-to type=s3,bucket=x").err, HasSubstr("type \"s3\" is not supported"));
  EXPECT_EQ(build(recipe, "--cache-to type=registry,ref=localhost:5999/x,ignore-error=true").code, 0);
}

/// Two stages, one of which leaves nothing in the image but a copy: only mode=max has its steps.
constexpr const char* kStagesOnce =
    "FROM busybox AS tools\nRUN cat /proc/sys/kernel/random/uuid >/tool\nRUN rm /etc/passwd\n"
    "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/once\nCOPY --from=tools /tool /tool\n";

TEST_F(BuildStages, TakeThoseOfAllStagesFromAnotherHostsDirectory) {
  const fs::path max = daemon->root() / "max";
  const fs::path min = daemon->root() / "min";
  const Result first = build(kStagesOnce, "-t first --cache-to type=local,mode=max,dest=" + max.string() +
                                              " --cache-to type=local,mode=min,dest=" + min.string());
  ASSERT_EQ(first.code, 0) << first.err;
  Daemon other;
  ASSERT_TRUE(other.start()) << other.log();
  load_busybox(other);
  const std::string build = "build --progress=classic -t second --cache-from type=local,src=";
  const Result partly = other.cli(build + min.string() + " -", kStagesOnce);
  EXPECT_THAT(partly.out, HasSubstr("RUN rm /etc/passwd\n ---> Running in")) << partly.err;
  ASSERT_EQ(other.cli("rmi -f second").code, 0);
  ASSERT_EQ(other.cli("image prune -f").code, 0);
  ASSERT_EQ(other.cli("builder prune -f").code, 0);
  const Result second = other.cli(build + max.string() + " -", kStagesOnce);
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.out, Not(HasSubstr("Running in"))) << second.err;
  EXPECT_EQ(other.cli("run --rm second cat /once /tool").out, cli("run --rm first cat /once /tool").out);
  cli("rmi first");
}

TEST_F(BuildStages, LeaveLayersAsTheyAreToBeCompressed) {
  const fs::path folder = context({{"Dockerfile", "FROM busybox\nCOPY a /a\n"}, {"a", std::string(100000, 'x')}});
  const fs::path out = daemon->root() / "out.oci";
  const auto types = [&](const std::string& attributes) {
    const Result built = cli("build -o type=oci,dest=" + out.string() + "," + attributes + " " + folder.string());
    EXPECT_EQ(built.code, 0) << built.err;
    return shell("tar -xOf " + out.string() + " $(tar -xOf " + out.string() +
                 " index.json | grep -o 'sha256:[0-9a-f]*' | head -1 | sed 's|sha256:|blobs/sha256/|') | "
                 "grep -o 'layer.v1.tar[+a-z]*' | xargs")
        .line();
  };
  EXPECT_EQ(types("compression=zstd,compression-level=3,force-compression=true"),
            "layer.v1.tar+zstd layer.v1.tar+zstd");
  // What others have compressed stays as it is, unless it is to be done again.
  EXPECT_EQ(types("compression=gzip"), "layer.v1.tar+zstd layer.v1.tar+zstd");
  EXPECT_EQ(types("compression=gzip,force-compression=true"), "layer.v1.tar+gzip layer.v1.tar+gzip");
  EXPECT_EQ(types("compression=uncompressed,force-compression=true"), "layer.v1.tar layer.v1.tar");
  EXPECT_EQ(types("compression=zstd"), "layer.v1.tar+zstd layer.v1.tar+zstd");
  Daemon other;
  ASSERT_TRUE(other.start()) << other.log();
  const std::string id = other.cli("load -q -i " + out.string()).line();
  EXPECT_EQ(other.cli("run --rm " + id.substr(id.rfind(':') + 1) + " wc -c /a").line(), "100000 /a") << id;
  const Result refused = cli("build --provenance -o type=oci,dest=/x,compression=uncompressed " + folder.string());
  EXPECT_THAT(refused.err, HasSubstr("what is said about an image is about compressed layers"));
}

}  // namespace
}  // namespace gantry::e2e
