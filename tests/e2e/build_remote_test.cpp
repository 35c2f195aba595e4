// Builds that take files, repositories and contexts from servers.

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr const char* kFileServer = "http://127.0.0.1:8099";

/// A daemon that fetches at most 1 MB, and a server.
class BuildRemote : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (shell("command -v git python3").code != 0) return;
    const nlohmann::json settings = {{"driver-opts", {{"dockerfile", {{"download-limit", "1m"}}}}}};
    daemon = std::make_unique<Daemon>(settings);
    ASSERT_TRUE(daemon->start()) << daemon->log();
    load_busybox(*daemon);
    const fs::path files = daemon->root() / "served";
    fs::create_directories(files);
    const Result made =
        shell("cd " + files.string() + R"( && echo text >file.txt && touch -d '2001-02-03 04:05:06 UTC' file.txt &&
        printf 'FROM busybox\nRUN echo from-a-url\n' >recipe && mkdir context context/sub &&
        printf 'FROM busybox\nCOPY f /f\nRUN cat /f\n' | tee context/Dockerfile >context/sub/Dockerfile &&
        echo whole >context/f && echo below >context/sub/f && tar -czf context.tar.gz -C context . &&
        tar -cf outside.tar -P ../served/file.txt && truncate -s 3M sparse && tar -czf bomb.tar.gz sparse &&
        export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b &&
        git init -q -b main context && cd context && ln -s /etc sub/out && git add . && git commit -qm one && git tag -a -m t v1 &&
        echo later >f && git commit -qam two && git branch 'feature' &&
        git update-ref refs/heads/$(git rev-parse v1^{}) main && git update-ref refs/pull/1/head v1^{} && cd .. && git clone -q --mirror context repo.git)");
    ASSERT_EQ(made.code, 0) << made.err;
    server = std::make_unique<Background>(std::string{"python3 "} + GANTRY_FILE_SERVER + " 8099 " + files.string(),
                                          Environment{}, false);
    ASSERT_TRUE(server->wait_for("ready")) << server->output();
  }
  static void TearDownTestSuite() {
    server.reset();
    daemon.reset();
  }
  void SetUp() override {
    if (daemon == nullptr) GTEST_SKIP() << "no git or no python3 on this machine";
    before_ = kernel_state(*daemon);
  }
  void TearDown() override {
    if (IsSkipped()) return;
    daemon->cli("rm -f $(" + program("gantry").string() + " ps -aq)");
    EXPECT_EQ(leaks_since(before_, *daemon), "");
    // Whatever came is gone when the build is over.
    EXPECT_TRUE(fs::is_empty(daemon->data_root() / "drivers/builder-dockerfile/work"));
    if (HasFailure()) ADD_FAILURE() << daemon->log();
  }
  /// The result of a Dockerfile; "$S" in it is the server.
  static Result build(std::string recipe, const std::string& flags = {}) {
    for (std::size_t at = 0; (at = recipe.find("$S", at)) != std::string::npos;) recipe.replace(at, 2, kFileServer);
    return daemon->cli("build " + flags + " -", "FROM busybox\n" + recipe);
  }
  static Result build_at(const std::string& place, const std::string& flags = {}) {
    return daemon->cli("build --no-cache " + flags + " '" + kFileServer + place + "'");
  }

  static inline std::unique_ptr<Daemon> daemon;
  static inline std::unique_ptr<Background> server;

 private:
  Kernel before_;
};

TEST_F(BuildRemote, AddsAFileWithTheServersTime) {
  const Result built = build(
      "ADD $S/file.txt /d/\nADD $S/moved /renamed\nRUN cat /d/file.txt /renamed && stat -c '%a %u %Y' /d/file.txt\n");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("text\ntext\n600 0 981173106\n"));
}

/// What a build says of where its parts come from.
nlohmann::json materials_of(Daemon& daemon, const std::string& image) {
  const auto said = daemon.api("GET", "/images/" + image + "/attestations?statement=1");
  return said.at(0).at("Statement").at("predicate").at("materials");
}

TEST_F(BuildRemote, TellsWhatItHasFetched) {
  const std::string text = shell("printf 'text\\n' | sha256sum | cut -d' ' -f1").line();
  const std::string commit = shell("git ls-remote " + std::string{kFileServer} + "/repo.git v1^{} | cut -f1").line();
  const Result built =
      build("ADD $S/file.txt /f\nADD $S/repo.git#v1 /r\n",
            "--provenance --build-context more=" + std::string{kFileServer} + "/context.tar.gz -t told");
  ASSERT_EQ(built.code, 0) << built.err;
  const nlohmann::json told = materials_of(*daemon, "told");
  ASSERT_EQ(told.size(), 3U) << told << "and nothing of a context that nobody asked for";
  const nlohmann::json file{{"uri", std::string{kFileServer} + "/file.txt"}, {"digest", {{"sha256", text}}}};
  const nlohmann::json repository{{"uri", std::string{kFileServer} + "/repo.git#v1"}, {"digest", {{"sha1", commit}}}};
  EXPECT_THAT(told, ::testing::Contains(file));
  EXPECT_THAT(told, ::testing::Contains(repository));
  // All of it from the cache: it is told all the same.
  build("ADD $S/file.txt /f\nADD $S/repo.git#v1 /r\n", "--provenance -t told");
  EXPECT_EQ(materials_of(*daemon, "told"), told);
  daemon->cli("rmi -f told");
}

TEST_F(BuildRemote, TellsWhereItsContextComesFrom) {
  const Result built = build_at("/repo.git#main", "--provenance -t told");
  ASSERT_EQ(built.code, 0) << built.err;
  const auto said = daemon->api("GET", "/images/told/attestations?statement=1");
  const auto& source = said.at(0).at("Statement").at("predicate").at("invocation").at("configSource");
  EXPECT_EQ(source["uri"], std::string{kFileServer} + "/repo.git#main");
  EXPECT_EQ(source["digest"]["sha1"].get<std::string>().size(), 40U);
  EXPECT_EQ(source["entryPoint"], "Dockerfile");
  daemon->cli("rmi -f told");
}

TEST_F(BuildRemote, NamesAFileAsItsServerDoesAndNothingOutside) {
  const Result built = build("ADD $S/named/ /d/\nRUN cat /d/given\n");
  EXPECT_THAT(built.out, HasSubstr("\nnamed\n")) << built.err;
  EXPECT_THAT(build("ADD $S/context/sub/ /d/\n").err, HasSubstr("cannot determine filename from url"));
}

TEST_F(BuildRemote, UnpacksNoArchiveThatCameFromAServer) {
  EXPECT_EQ(build("ADD $S/context.tar.gz /d/\nRUN test -f /d/context.tar.gz\n").code, 0);
  EXPECT_EQ(build("ADD --unpack $S/context.tar.gz /d/\nRUN test -f /d/f && test ! -e /d/context.tar.gz\n").code, 0)
      << "unless it is asked for";
  EXPECT_NE(build("ADD --unpack $S/bomb.tar.gz /d/\n").code, 0);
}

TEST_F(BuildRemote, FindsAFileThatHasNotChangedInItsCache) {
  EXPECT_EQ(build("ADD $S/file.txt /twice\n").code, 0);
  EXPECT_THAT(build("ADD $S/file.txt /twice\n").out, HasSubstr(" ---> Using cache"));
}

TEST_F(BuildRemote, ChecksWhatCame) {
  const std::string right = "sha256:" + shell("printf 'text\\n' | sha256sum | cut -d' ' -f1").line();
  EXPECT_EQ(build("ADD --checksum=" + right + " $S/file.txt /f\n").code, 0);
  const std::string wrong = "sha256:" + std::string(64, '0');
  EXPECT_THAT(build("ADD --checksum=" + wrong + " $S/file.txt /f\n").err,
              HasSubstr("digest mismatch " + right + ": " + wrong));
  EXPECT_THAT(build("ADD --checksum=md5:12 $S/file.txt /f\n").err, HasSubstr("unsupported digest algorithm"));
  EXPECT_THAT(build("ADD --checksum=" + right + " f /f\n").err,
              HasSubstr("checksum can't be specified for non-HTTP(S) sources"));
}

TEST_F(BuildRemote, SaysWhatFailed) {
  EXPECT_THAT(build("ADD $S/none /f\n").err,
              HasSubstr(std::string{"failed to GET "} + kFileServer + "/none: status 404 Not Found"));
  EXPECT_THAT(build("ADD http://127.0.0.1:1/x /f\n").err, HasSubstr("failed to GET http://127.0.0.1:1/x: "));
  EXPECT_THAT(build("COPY $S/file.txt /f\n").err, HasSubstr("source can't be a URL for COPY"));
  EXPECT_THAT(build("ADD http://u:secret@127.0.0.1:1/x /f\n").err, HasSubstr("GET http://xxxxx:xxxxx@127.0.0.1:1/x: "));
}

TEST_F(BuildRemote, FollowsNoServerToOtherPlacesAndReadsNoMoreThanTheLimit) {
  EXPECT_THAT(build("ADD $S/to-a-file /f\n").err,
              ::testing::AnyOf(HasSubstr("Protocol \"file\" not supported"), HasSubstr("Protocol \"file\" disabled")));
  EXPECT_THAT(build("ADD $S/in-circles /f\n").err, HasSubstr("Maximum (10) redirects followed"));
  EXPECT_THAT(build("ADD $S/endless /f\n").err, HasSubstr("larger than 1048576 bytes"));
}

TEST_F(BuildRemote, AddsARepository) {
  const Result built = build(
      "ADD $S/repo.git#v1:sub /sub\nADD --keep-git-dir=true $S/repo.git#feature /whole\nADD $S/repo.git /head\n"
      "RUN cat /sub/f /whole/f && test -d /whole/.git && test ! -e /head/.git && stat -c %u /head/f\n");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("below\nlater\n0\n"));
  EXPECT_THAT(build("ADD $S/repo.git#v1:sub /sub\n").out, HasSubstr(" ---> Using cache"));
  EXPECT_THAT(build("ADD $S/repo.git#none /x\n").err, HasSubstr("repository does not contain ref none"));
  EXPECT_THAT(build("ADD $S/repo.git#../../v1 /x\n").err, HasSubstr("repository does not contain ref"));
}

TEST_F(BuildRemote, TakesNoBranchForTheCommitThatItIsNamedAs) {
  const std::string one = shell("git -C " + (daemon->root() / "served/context").string() + " rev-parse v1^{}").line();
  ASSERT_EQ(one.size(), 40U);
  const Result built = build("ADD $S/repo.git#" + one + " /one\nRUN cat /one/f\n");
  EXPECT_THAT(built.out, HasSubstr("\nwhole\n")) << built.err;
  EXPECT_THAT(build_at("/repo.git#" + one).out, HasSubstr("\nwhole\n"));
}

TEST_F(BuildRemote, AddsWhatANameOutsideOfTheBranchesStandsFor) {
  const Result built = build("ADD $S/repo.git#refs/pull/1/head /pulled\nRUN cat /pulled/f\n");
  EXPECT_THAT(built.out, HasSubstr("\nwhole\n")) << built.err;
}

TEST_F(BuildRemote, LeavesARepositoryNeitherByItsLinksNorByDots) {
  EXPECT_NE(build("ADD $S/repo.git#main:sub/out/hostname /x\n").code, 0);
  EXPECT_NE(build("ADD $S/repo.git#main:../../../../../../etc/hostname /x\n").code, 0);
  EXPECT_NE(build_at("/repo.git#main:sub/out").code, 0);
}

TEST_F(BuildRemote, BuildsWhatIsAtAnAddress) {
  EXPECT_THAT(build_at("/recipe").out, HasSubstr("\nfrom-a-url\n"));
  EXPECT_THAT(build_at("/context.tar.gz").out, HasSubstr("\nwhole\n"));
  EXPECT_THAT(build_at("/context.tar.gz", "-f sub/Dockerfile").out, HasSubstr("\nwhole\n"));
  EXPECT_THAT(build_at("/repo.git#v1").out, HasSubstr("\nwhole\n"));
  EXPECT_THAT(build_at("/repo.git").out, HasSubstr("\nlater\n"));
  EXPECT_THAT(build_at("/repo.git#main:sub").out, HasSubstr("\nbelow\n"));
}

TEST_F(BuildRemote, RefusesContextsThatMeanNoGood) {
  EXPECT_THAT(build_at("/outside.tar").err, HasSubstr("is outside of the layer"));
  EXPECT_THAT(build_at("/bomb.tar.gz").err, HasSubstr("unpacks to more than is allowed"));
  EXPECT_THAT(build_at("/endless").err, HasSubstr("larger than 1048576 bytes"));
  EXPECT_THAT(build_at("/repo.git#main:none").err, HasSubstr("subdir"));
}

}  // namespace
}  // namespace gantry::e2e
