// Builds that take repositories over SSH, with the keys of an agent that the user lends.

#include <csignal>
#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Repositories in a user's home, with submodules here and there.
constexpr const char* kMakeRepositories = R"(
  export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
  set -e
  publish() { git -C $1 commit -qam $1 && mkdir -p org && git clone -q --mirror $1 org/$1.git; }
  with_submodule() {
    git init -q -b main $1
    printf '[submodule "part"]\n\tpath = part\n\turl = "%s"\n' "$2" >$1/.gitmodules
    git -C $1 add . && git -C $1 update-index --add --cacheinfo 160000,$(git -C part rev-parse main),part
    git -C $1 commit -qm $1 && mkdir -p org && git clone -q --mirror $1 org/$1.git
  }
  git init -q -b main part && echo of-the-part >part/f && git -C part add . && publish part
  git init -q -b main repo && mkdir repo/sub && echo first >repo/f && echo below >repo/sub/f
  printf 'FROM busybox\nCOPY f /f\nRUN cat /f\n' >repo/Dockerfile
  git -C repo add . && git -C repo commit -qm one && git -C repo tag -a -m t v1
  echo second >repo/f && publish repo
  with_submodule beside ../part.git
  with_submodule whole ssh://git@127.0.0.1$PWD/org/part.git
  with_submodule elsewhere git@127.0.0.2:org/part.git
  with_submodule another ssh://root@127.0.0.1$PWD/org/part.git
  with_submodule hostile "git@127.0.0.1:org/part.git'; touch $PWD/broken-in; '"
)";

/// A daemon, an sshd on port 22, an agent with the key that it takes, and one with another.
class BuildSsh : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!have_sshd() || shell("command -v git && command -v python3").code != 0 ||
        shell("command -v ssh-agent && command -v ssh-add && command -v ssh-keygen").code != 0) {
      return;
    }
    daemon = std::make_unique<Daemon>();
    ASSERT_TRUE(daemon->start()) << daemon->log();
    load_busybox(*daemon);
    const Result made = shell("mkdir " + home() + " && cd " + home() + " && " +
                              "for k in key other host one-host; do ssh-keygen -q -t ed25519 -N '' -f ../$k; done && "
                              "cp ../key.pub authorized_keys\n" +
                              kMakeRepositories);
    ASSERT_EQ(made.code, 0) << made.err;
    server = serve(22, {"host"});
    agent = lend("key", "key");
    other = lend("other", "other");
  }
  static void TearDownTestSuite() {
    other.reset();
    agent.reset();
    server.reset();
    daemon.reset();
  }
  void SetUp() override {
    if (daemon == nullptr) GTEST_SKIP() << "no sshd, no OpenSSH client, no git or no python3 on this machine";
    before_ = kernel_state(*daemon);
  }
  void TearDown() override {
    if (IsSkipped()) return;
    if (have_containers(*daemon)) daemon->cli("rm -f $(" + program("gantry").string() + " ps -aq)");
    EXPECT_EQ(leaks_since(before_, *daemon), "");
    EXPECT_TRUE(fs::is_empty(daemon->data_root() / "drivers/builder-dockerfile/work"));
    EXPECT_TRUE(fs::is_empty(daemon->exec_root() / "drivers/builder-dockerfile")) << "an agent's socket";
    EXPECT_EQ(shell("pgrep -x gantry-fetch").out, "");
    if (HasFailure()) ADD_FAILURE() << daemon->log() << shell("tail -n 40 " + home() + "/sshd_log").out;
  }

  static std::string home() { return (daemon->root() / "home").string(); }
  /// One that was unpacked only: its libraries may be missing, and since 9.8 its other half has to be installed.
  static bool have_sshd() {
    const std::string sshd = GANTRY_SSHD;
    return !sshd.empty() && shell(sshd + " -V").code != 127 &&
           shell("! grep -q lib/openssh/sshd-session " + sshd + " || [ -e /usr/lib/openssh/sshd-session ]").code == 0;
  }
  static std::string socket_of(const std::string& agent) { return (daemon->root() / agent).string() + ".agent"; }
  static std::unique_ptr<Background> serve(int port, const std::vector<std::string>& keys) {
    std::string script = std::string{"exec unshare -m python3 "} + GANTRY_SSH_SERVER + " " GANTRY_SSHD " " +
                         std::to_string(port) + " " + home();
    for (const std::string& key : keys) script += " " + (daemon->root() / key).string();
    auto out = std::make_unique<Background>(script, Environment{}, false);
    EXPECT_TRUE(out->wait_for("ready")) << out->output();
    return out;
  }
  /// An agent called `name` that has `key`.
  static std::unique_ptr<Background> lend(const std::string& name, const std::string& key) {
    auto out = std::make_unique<Background>("exec ssh-agent -D -a " + socket_of(name), Environment{}, false);
    EXPECT_TRUE(out->wait_for("SSH_AUTH_SOCK")) << out->output();
    const Result added = shell("ssh-add -q " + (daemon->root() / key).string(), {{"SSH_AUTH_SOCK", socket_of(name)}});
    EXPECT_EQ(added.code, 0) << added.err;
    return out;
  }

  /// The result of a Dockerfile. In it "@R" is a repository at git@host:path, "$H" the home of ssh://host addresses.
  static Result build(std::string recipe, const std::string& flags = with("key")) {
    const auto replace = [&](const std::string& what, const std::string& by) {
      for (std::size_t at = 0; (at = recipe.find(what, at)) != std::string::npos;) recipe.replace(at, what.size(), by);
    };
    replace("@R", "git@127.0.0.1:org");
    replace("$H", home() + "/org");
    return daemon->cli("build " + flags + " -", "FROM busybox\n" + recipe);
  }
  static std::string with(const std::string& agent) { return "--ssh default=" + socket_of(agent); }
  static std::string commit_of(const std::string& name) {
    return shell("git -C " + home() + "/repo rev-parse " + name + "^{}").line();
  }

  static inline std::unique_ptr<Daemon> daemon;
  static inline std::unique_ptr<Background> server;
  static inline std::unique_ptr<Background> agent;
  static inline std::unique_ptr<Background> other;

 private:
  Kernel before_;
};

TEST_F(BuildSsh, AddsABranchATagACommitAndADirectory) {
  const Result built = build(
      "ADD @R/repo.git /head\nADD @R/repo.git#main /branch\nADD @R/repo.git#v1 /tag\n"
      "ADD @R/repo.git#" +
      commit_of("v1") +
      " /commit\n"
      "ADD ssh://127.0.0.1:22$H/repo.git#main:sub /below\n"
      "ADD --keep-git-dir=true ssh://git@127.0.0.1$H/repo.git#v1 /kept\n"
      "RUN cat /head/f /branch/f /tag/f /commit/f /below/f && test -d /kept/.git && "
      "test ! -e /tag/.git && stat -c %u /tag/f\n");
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("\nsecond\nsecond\nfirst\nfirst\nbelow\n0\n"));
  EXPECT_THAT(build("ADD @R/repo.git#none /x\n").err,
              HasSubstr("failed to fetch remote git@127.0.0.1:org/repo.git: repository does not contain ref none"));
  EXPECT_THAT(build("ADD @R/none.git /x\n").err, HasSubstr("does not appear to be a git repository"));
}

TEST_F(BuildSsh, BuildsContexts) {
  const std::string address = "git@127.0.0.1:org/repo.git";
  EXPECT_THAT(daemon->cli("build --no-cache " + with("key") + " " + address + "#v1").out, HasSubstr("\nfirst\n"));
  EXPECT_THAT(daemon->cli("build --no-cache " + address).err, HasSubstr("--ssh default"));
  const std::string named = " --build-context more=ssh://git@127.0.0.1" + home() + "/org/repo.git#main:sub";
  EXPECT_THAT(build("COPY --from=more f /f\nRUN cat /f\n", with("key") + named).out, HasSubstr("\nbelow\n"));
}

TEST_F(BuildSsh, TakesSubmodulesThatAreWhereTheRepositoryIs) {
  const Result built = build(
      "ADD @R/beside.git /a\nADD @R/whole.git /b\nADD ssh://127.0.0.1$H/beside.git /c\n"
      "RUN cat /a/part/f /b/part/f /c/part/f\n");
  EXPECT_THAT(built.out, HasSubstr("\nof-the-part\nof-the-part\nof-the-part\n")) << built.err;
}

TEST_F(BuildSsh, UsesTheKeysNowhereElseOnARepositorysWord) {
  EXPECT_THAT(build("ADD @R/elsewhere.git /a\n").err, HasSubstr("not at git@127.0.0.2 port 22"));
  EXPECT_THAT(build("ADD @R/another.git /a\n").err, HasSubstr("not at root@127.0.0.1 port 22"));
  const Background web{std::string{"exec python3 "} + GANTRY_FILE_SERVER + " 8098 " + home() + "/org", {}, false};
  ASSERT_EQ(shell("until curl -s -o /dev/null http://127.0.0.1:8098/; do :; done").code, 0);
  EXPECT_THAT(build("ADD http://127.0.0.1:8098/whole.git /a\n").err,
              HasSubstr("taken only for a repository at an SSH address"));
  EXPECT_THAT(build("ADD http://127.0.0.1:8098/part.git /a\nRUN cat /a/f\n", "").out, HasSubstr("\nof-the-part\n"));
}

TEST_F(BuildSsh, NeedsAnAgent) {
  const std::string wanted =
      "failed to fetch remote git@127.0.0.1:org/repo.git: a repository at an SSH address is read "
      "with the keys of your SSH agent, and the build has none: lend it with --ssh default";
  EXPECT_THAT(build("ADD @R/repo.git /a\n", "").err, HasSubstr(wanted));
  EXPECT_THAT(build("ADD @R/repo.git /a\n", "--ssh mine=" + socket_of("key")).err, HasSubstr("--ssh default"));
  EXPECT_THAT(build("ADD @R/repo.git /a\n", with("other")).err,
              HasSubstr("the host 127.0.0.1 takes none of the SSH agent's keys for the user git"));
}

TEST_F(BuildSsh, FindsWhatItHasInItsCacheWhoeverLends) {
  const std::string recipe = "ADD @R/repo.git#" + commit_of("v1") + " /cached\nADD @R/repo.git#v1 /cached-too\n";
  EXPECT_EQ(build(recipe).code, 0);
  const auto another = lend("another", "key");
  EXPECT_THAT(build(recipe, with("another")).out,
              AllOf(HasSubstr(" ---> Using cache"), Not(HasSubstr(" ---> Running"))));
  // A commit is what it is: nobody is asked.
  EXPECT_THAT(build("ADD @R/repo.git#" + commit_of("v1") + " /cached\n", "").out, HasSubstr(" ---> Using cache"));
}

TEST_F(BuildSsh, RefusesAHostWhoseKeyChangesDuringTheBuild) {
  const auto changing = serve(2200, {"one-host", "host", "one-host", "host"});
  const std::string changed = "the key of the host 127.0.0.1 has changed during the build: it was SHA256:";
  // Between the question for the commit and its fetch.
  EXPECT_THAT(build("ADD ssh://127.0.0.1:2200$H/repo.git#main /a\n", "--no-cache " + with("key")).err,
              HasSubstr(changed));
  // Between two instructions.
  const std::string commit = commit_of("v1");
  EXPECT_THAT(build("ADD ssh://127.0.0.1:2200$H/repo.git#" + commit + " /a\nADD ssh://127.0.0.1:2200$H/repo.git#" +
                        commit + " /b\n",
                    "--no-cache " + with("key"))
                  .err,
              HasSubstr(changed));
  EXPECT_THAT(changing->wait_for("shows host\nshows one-host\nshows host"), true) << changing->output();
  EXPECT_EQ(build("ADD ssh://127.0.0.1:2200$H/repo.git#main /a\n", "--no-cache " + with("key")).code, 0);
}

TEST_F(BuildSsh, RunsNothingOnTheServerThatAnAddressSays) {
  const std::string broken_in = home() + "/broken-in";
  EXPECT_THAT(build("ADD [\"git@127.0.0.1:org/repo.git'; touch " + broken_in + "; '\", \"/a\"]\n").err,
              HasSubstr("invalid path"));
  EXPECT_THAT(build("ADD @R/hostile.git /a\n").err, HasSubstr("invalid path"));
  EXPECT_FALSE(fs::exists(broken_in));
  EXPECT_THAT(build("ADD ssh://-oProxyCommand=x/a.git /a\n").err, HasSubstr("invalid host"));
  const Result named = build("ADD ssh://git:very-secret@127.0.0.1/a.git /a\n");
  EXPECT_THAT(named.err, HasSubstr("remote ssh://xxxxx:xxxxx@127.0.0.1/a.git: a password is not taken"));
}

TEST_F(BuildSsh, GivesTheProcessThatFetchesOneSocketAndTakesItBack) {
  Background silent{
      "exec python3 -c 'import socket; l = socket.create_server((\"127.0.0.1\", 2300)); print(\"ready\", flush=True); "
      "c = l.accept(); print(\"asked\", flush=True); input()'",
      {},
      false};
  ASSERT_TRUE(silent.wait_for("ready")) << silent.output();
  std::ofstream(daemon->root() / "recipe") << "FROM busybox\nADD ssh://127.0.0.1:2300/a.git /a\n";
  const auto build = daemon->background("build " + with("key") + " - <" + (daemon->root() / "recipe").string());
  ASSERT_TRUE(silent.wait_for("asked")) << build->output();
  const std::string process = "/proc/" + shell("pgrep -x gantry-fetch").line();
  // The last goes to the server.
  EXPECT_EQ(shell("cd " + process + "/fd && ls | sort -n | tr '\\n' ' '").out, "0 1 2 3 4 5 ");
  EXPECT_THAT(shell("readlink " + process + "/fd/4").out, HasSubstr("lent-"));
  EXPECT_THAT(shell("grep Uid " + process + "/status").out, HasSubstr("65534\t65534\t65534\t65534"));
  // The socket is behind a directory that is root's alone.
  const std::string place = "stat -c '%a %u' " + (daemon->exec_root() / "drivers/builder-dockerfile").string();
  EXPECT_EQ(shell(place + "/lent-*").line(), "700 0");
  EXPECT_EQ(shell(place + "/lent-*/0").line(), "600 65534");
  build->signal(SIGINT);
  const std::string left = "ls " + (daemon->exec_root() / "drivers/builder-dockerfile").string();
  EXPECT_EQ(shell("while pgrep -x gantry-fetch || test -n \"$(" + left + ")\"; do :; done >/dev/null").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
