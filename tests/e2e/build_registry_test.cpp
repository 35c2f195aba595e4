// Builds whose image goes to a registry, and whose cache comes from one.

#include <filesystem>
#include <fstream>

#include "engine.hpp"
#include "registry.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kOnceRecipe = "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/once\nLABEL a=b\n";

class BuildRegistry : public Engine {
 protected:
  void TearDown() override {
    cli("rmi -f $(" + program("gantry").string() + " images -q --filter reference=localhost:*/*)");
    cli("image prune -f");
    cli("builder prune -f");
    Engine::TearDown();
  }
  static std::string id_of(const std::string& image) { return cli("inspect -f '{{.Id}}' " + image).line(); }
  /// What the registry has of a tag, as an independent client sees it.
  static std::string config_in(const Registry& registry, const std::string& name, const std::string& login = {}) {
    const Result shown = shell("skopeo inspect --tls-verify=false --raw " + login + " docker://" + registry.host() +
                               "/" + name + " | grep -o 'sha256:[0-9a-f]*' | head -1");
    return shown.line();
  }
  static Result tags_in(const Registry& registry) {
    return shell("curl -s http://" + registry.host() + "/v2/_catalog");
  }
};

TEST_F(BuildRegistry, PushesWhatItBuilt) {
  Registry registry{{}};
  const Result built = cli("build --push -t localhost:5000/app:1 -t localhost:5000/app:2 -", kOnceRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  const std::string id = id_of("localhost:5000/app:1");
  EXPECT_EQ(config_in(registry, "app:1"), id);
  EXPECT_EQ(config_in(registry, "app:2"), id);
  const std::string digest = cli("inspect -f '{{index .RepoDigests 0}}' localhost:5000/app:1").line();
  EXPECT_THAT(digest, StartsWith("localhost:5000/app@sha256:"));
  cli("rmi -f localhost:5000/app:1 localhost:5000/app:2");
  EXPECT_EQ(cli("pull -q " + digest).code, 0);
  EXPECT_EQ(id_of(digest), id);
}

TEST_F(BuildRegistry, PushesUnderTheNamesOfAnOutput) {
  Registry registry{{}};
  const Result built =
      cli("build --output 'type=image,\"name=localhost:5000/x:1,localhost:5000/y\",push=true' -", kOnceRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(config_in(registry, "x:1"), id_of("localhost:5000/x:1"));
  EXPECT_EQ(config_in(registry, "y"), id_of("localhost:5000/y"));
  EXPECT_EQ(cli("build --output type=registry,name=localhost:5000/z -", kOnceRecipe).code, 0);
  EXPECT_THAT(config_in(registry, "z"), StartsWith("sha256:"));
}

TEST_F(BuildRegistry, PushesWithTheUsersPassword) {
  Registry registry{{.tls = false, .password = true, .port = 5001}};
  const Result refused = cli("build --push -t localhost:5001/app -", kOnceRecipe);
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr("no basic auth credentials"));
  ASSERT_EQ(cli("login -u alice --password-stdin localhost:5001", "secret").code, 0);
  const Result built =
      cli("build --push --cache-to type=registry,ref=localhost:5001/cache -t localhost:5001/app -", kOnceRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(config_in(registry, "app", "--creds alice:secret"), id_of("localhost:5001/app"));
  // The daemon gets the cache, and a base image, with the same password.
  cli("rmi -f localhost:5001/app localhost:5001/cache");
  cli("builder prune -f");
  const Result again =
      cli("build --progress=classic --cache-from type=registry,ref=localhost:5001/cache -", kOnceRecipe);
  EXPECT_THAT(again.out, HasSubstr("Using cache")) << again.out << again.err;
  EXPECT_EQ(cli("build --pull -", "FROM localhost:5001/app\n").code, 0);
  cli("logout localhost:5001");
}

TEST_F(BuildRegistry, PushesQuietly) {
  Registry registry{{}};
  const std::string file = (daemon->root() / "id").string();
  const Result built = cli("build -q --push --iidfile " + file + " -t localhost:5000/app:1 -", kOnceRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(built.line(), id_of("localhost:5000/app:1"));
  EXPECT_EQ(config_in(registry, "app:1"), built.line());
  EXPECT_EQ(shell("cat " + file).out, built.line());
}

TEST_F(BuildRegistry, NeedsATagToPush) {
  const Result built = cli("build --push -", kOnceRecipe);
  EXPECT_NE(built.code, 0);
  EXPECT_THAT(built.err, HasSubstr("tag is needed when pushing to registry"));
}

TEST_F(BuildRegistry, SaysThatARegistryDoesNotAnswer) {
  const Result built = cli("build --push -t localhost:5999/app -", kOnceRecipe);
  EXPECT_NE(built.code, 0);
  EXPECT_THAT(built.err, AllOf(HasSubstr("localhost:5999"), HasSubstr("refused")));
  EXPECT_EQ(cli("run --rm localhost:5999/app true").code, 0) << "what was built stays";
}

TEST_F(BuildRegistry, LeavesNothingHalfDoneWhereAPushFails) {
  Registry registry{{.tls = false, .password = true, .port = 5001}};
  EXPECT_NE(cli("build --push -t localhost:5001/app -", kOnceRecipe).code, 0);
  EXPECT_THAT(shell("find " + (registry.root() / "data").string() + " -name '*app*'").out, IsEmpty());
}

TEST_F(BuildRegistry, BuildsFromACacheThatAnotherHostHasPushed) {
  Registry registry{{}};
  const Result first = cli("build --cache-to type=registry,ref=localhost:5000/cache:1 -t first -", kOnceRecipe);
  ASSERT_EQ(first.code, 0) << first.err;
  const std::string once = cli("run --rm first cat /once").line();
  Daemon other;
  ASSERT_TRUE(other.start()) << other.log();
  load_busybox(other);
  const Result second = other.cli(
      "build --progress=classic --cache-from type=registry,ref=localhost:5000/cache:1 -t second -", kOnceRecipe);
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.out, AllOf(HasSubstr("Using cache"), Not(HasSubstr("Running in"))));
  EXPECT_EQ(other.cli("run --rm second cat /once").line(), once);
  // What comes after a step that differs is built.
  const Result third = other.cli("build --progress=classic --cache-from type=registry,ref=localhost:5000/cache:1 -",
                                 "FROM busybox\nRUN echo another >/once\nLABEL a=b\n");
  EXPECT_THAT(third.out, Not(HasSubstr("Using cache")));
  cli("rmi first");
}

TEST_F(BuildRegistry, BuildsWithEitherClientFromAnImageThatIsItsOwnCache) {
  if (!have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
  Registry registry{{}};
  ASSERT_EQ(cli("build --push --cache-to type=inline -t localhost:5000/app:1 -", kOnceRecipe).code, 0);
  Daemon other;
  ASSERT_TRUE(other.start()) << other.log();
  load_busybox(other);
  ASSERT_EQ(other.docker("pull -q localhost:5000/app:1").code, 0);
  for (const bool docker : {true, false}) {
    const std::string flags = "build --cache-from localhost:5000/app:1 -";
    const Result built = docker ? other.docker(flags, kOnceRecipe) : other.cli(flags, kOnceRecipe);
    EXPECT_THAT(built.out, AllOf(HasSubstr("Using cache"), Not(HasSubstr("Running in")))) << built.err;
    other.cli("image prune -f");
    other.cli("builder prune -f");
  }
}

TEST_F(BuildRegistry, BuildsFromTheStagesThatAnotherHostHasPushed) {
  Registry registry{{}};
  const std::string recipe =
      "FROM busybox AS tools\nRUN cat /proc/sys/kernel/random/uuid >/tool\nRUN rm /etc/passwd\n"
      "FROM busybox\nCOPY --from=tools /tool /tool\n";
  const Result first = cli("build --cache-to type=registry,mode=max,ref=localhost:5000/cache:max -t first -", recipe);
  ASSERT_EQ(first.code, 0) << first.err;
  Daemon other;
  ASSERT_TRUE(other.start()) << other.log();
  load_busybox(other);
  const Result second =
      other.cli("build --progress=classic --cache-from type=registry,ref=localhost:5000/cache:max -t second -", recipe);
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.out, AllOf(HasSubstr("Using cache"), Not(HasSubstr("Running in")))) << second.err;
  EXPECT_EQ(other.cli("run --rm second cat /tool").out, cli("run --rm first cat /tool").out);
  // Whoever takes the tag for an image gets the one that was asked for.
  ASSERT_EQ(other.cli("rmi -f second localhost:5000/cache:max").code, 0);
  ASSERT_EQ(other.docker("pull -q localhost:5000/cache:max").code, 0);
  EXPECT_EQ(other.docker("inspect -f {{.Id}} localhost:5000/cache:max").line(), id_of("first"));
  cli("rmi first");
}

TEST_F(BuildRegistry, PushesLayersAsTheyAreToBeCompressed) {
  Registry registry{{}};
  const auto layers_of = [&](const std::string& name) {
    return shell("skopeo inspect --tls-verify=false --raw docker://localhost:5000/" + name +
                 " | grep -o 'tar[.+]*[a-z]*\"' | tr -d '\"' | xargs")
        .line();
  };
  const std::string build = "build -o type=registry,force-compression=true,name=localhost:5000/";
  ASSERT_EQ(cli(build + "z,compression=zstd --cache-to type=registry,ref=localhost:5000/zc -", kOnceRecipe).code, 0);
  EXPECT_EQ(layers_of("z"), "tar+zstd tar+zstd");
  EXPECT_EQ(layers_of("zc"), "tar+zstd tar+zstd");
  ASSERT_EQ(cli(build + "u,compression=uncompressed -", kOnceRecipe).code, 0);
  EXPECT_EQ(layers_of("u"), "tar tar");
  ASSERT_EQ(cli(build + "g,compression=gzip,compression-level=9 -", kOnceRecipe).code, 0);
  EXPECT_EQ(layers_of("g"), "tar.gzip tar.gzip");
  cli("rmi -f $(" + program("gantry").string() + " images -q --filter reference=localhost:*/*)");
  cli("builder prune -f");
  EXPECT_EQ(cli("run --rm localhost:5000/z test -s /once").code, 0);
  EXPECT_EQ(cli("run --rm localhost:5000/u test -s /once").code, 0);
}

TEST_F(BuildRegistry, BuildsWithoutACacheThatIsMissing) {
  Registry registry{{}};
  for (const char* place : {"localhost:5000/none", "localhost:5999/none"}) {
    const Result built = cli("build -q --cache-from type=registry,ref=" + std::string{place} + " -", kOnceRecipe);
    EXPECT_EQ(built.code, 0) << built.err;
    EXPECT_THAT(built.out, StartsWith("sha256:"));
    EXPECT_THAT(built.err, HasSubstr("WARNING: the cache " + std::string{place} + " cannot be used: "));
  }
  EXPECT_EQ(tags_in(registry).line(), R"({"repositories":[]})");
}

TEST_F(BuildRegistry, SaysThatACacheCannotBeSent) {
  const Result built = cli("build --cache-to type=registry,ref=localhost:5999/cache -", kOnceRecipe);
  EXPECT_NE(built.code, 0);
  EXPECT_THAT(built.err, HasSubstr("localhost:5999"));
  const Result wrong = cli("build --cache-to type=registry -", kOnceRecipe);
  EXPECT_THAT(wrong.err, HasSubstr("type=registry needs ref"));
}

}  // namespace
}  // namespace gantry::e2e
