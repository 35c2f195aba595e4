// Builds whose context is not sent, because client and daemon see the same files: as if it had been.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BuildSharedContext : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    folder_ = daemon->root() / "shared";
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "dir");
    write("Dockerfile", "FROM busybox\nCOPY . /all\nRUN ls /all\n");
    write("a", "one");
    write("dir/b", "two");
  }
  void TearDown() override {
    cli("image prune -f");
    cli("builder prune -f");
    Engine::TearDown();
  }
  void write(const std::string& path, const std::string& content) const { std::ofstream(folder_ / path) << content; }
  [[nodiscard]] Result build(const std::string& flags = {}) const {
    return cli("build --progress classic " + flags + " " + folder_.string());
  }
  /// What the daemon was told, and answers.
  nlohmann::json claim(const fs::path& path, const std::string& boot = {}) const {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    std::string own;
    std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"}, own);
    const nlohmann::json body{{"Path", path.string()},
                              {"Device", status.st_dev},
                              {"Inode", status.st_ino},
                              {"Changed", status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec},
                              {"Boot", boot.empty() ? own : boot}};
    return daemon->api("POST", "/build/directories", body.dump());
  }
  fs::path folder_;
};

TEST_F(BuildSharedContext, GivesTheStepsOfOneThatIsSent) {
  if (!have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
  write(".dockerignore", "*.log\n!kept.log\n.dockerignore\n");
  write("x.log", "x");
  write("kept.log", "kept");
  write("mode", "m");
  ::chmod((folder_ / "mode").c_str(), 0751);
  EXPECT_EQ(::chown((folder_ / "mode").c_str(), 1000, 1000), 0);
  fs::create_symlink("dir/b", folder_ / "link");
  fs::create_symlink("/nowhere", folder_ / "dangling");
  ASSERT_EQ(daemon->docker("build -q -t sent " + folder_.string()).code, 0);
  const Result shared = build("-t shared");
  EXPECT_EQ(shared.code, 0) << shared.err;
  EXPECT_THAT(shared.out, HasSubstr("COPY . /all\n ---> Using cache")) << "as the sent one's content is named";
  EXPECT_EQ(cli("inspect -f '{{.Id}}' shared").line(), cli("inspect -f '{{.Id}}' sent").line());
  ASSERT_EQ(build("--no-cache -t shared").code, 0);
  const std::string list = " sh -c 'cd /all; ls -lnR --full-time; cat kept.log link'";
  EXPECT_EQ(cli("run --rm shared" + list).out, cli("run --rm sent" + list).out);
  EXPECT_THAT(cli("run --rm shared ls /all").out, AllOf(HasSubstr("kept.log"), Not(HasSubstr("x.log"))));
  cli("rmi shared sent");
}

TEST_F(BuildSharedContext, SeesEachChangeAndNoTouch) {
  ASSERT_EQ(build().code, 0);
  EXPECT_THAT(build().out, HasSubstr("COPY . /all\n ---> Using cache"));
  fs::last_write_time(folder_ / "a", fs::file_time_type::clock::now() - std::chrono::hours{1});
  EXPECT_THAT(build().out, HasSubstr("COPY . /all\n ---> Using cache"));
  const auto before = fs::last_write_time(folder_ / "a");
  write("a", "eno");
  fs::last_write_time(folder_ / "a", before);
  EXPECT_THAT(build().out, Not(HasSubstr("COPY . /all\n ---> Using cache"))) << "same size, same time, other content";
  EXPECT_THAT(build("-t changed").out, HasSubstr("COPY . /all\n ---> Using cache"));
  EXPECT_EQ(cli("run --rm changed cat /all/a").out, "eno");
  cli("rmi changed");
}

TEST_F(BuildSharedContext, LeadsNowhereOut) {
  write("Dockerfile", "FROM busybox\nCOPY out /out\n");
  fs::create_symlink("../../../../../../etc/hostname", folder_ / "out");
  EXPECT_THAT(build().err, HasSubstr("file not found in build context"));
  write("Dockerfile", "FROM busybox\nRUN --mount=type=bind,target=/c ls /c; cat /c/out; true\n");
  const Result bound = build();
  EXPECT_EQ(bound.code, 0) << bound.err;
  EXPECT_THAT(bound.out, HasSubstr("dir"));
  EXPECT_THAT(bound.out, Not(HasSubstr("\nroot:")));
  write("Dockerfile", "FROM busybox\nCOPY ../daemon.json /x\n");
  EXPECT_THAT(build().err, HasSubstr("forbidden path outside the build context"));
}

TEST_F(BuildSharedContext, IsReadWithTheRightsOfTheClient) {
  ::chmod((folder_ / "a").c_str(), 0600);
  for (fs::path path = folder_; path != path.root_path(); path = path.parent_path()) {
    if (!path.string().starts_with(daemon->root().string())) break;
    ::chmod(path.c_str(), 0755);
  }
  ::chmod(daemon->socket().c_str(), 0666);
  const std::string as_nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups " + program("gantry").string();
  const Result built = shell("HOME=/ " + as_nobody + " build " + folder_.string(), daemon->environment());
  EXPECT_NE(built.code, 0);
  EXPECT_THAT(built.err, HasSubstr("no permission to read from")) << built.out;
  ::chmod((folder_ / "a").c_str(), 0644);
  const Result again = shell("HOME=/ " + as_nobody + " build " + folder_.string(), daemon->environment());
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST_F(BuildSharedContext, IsOnlyTakenWhereItIsTheSame) {
  EXPECT_NE(claim(folder_)["Id"], nullptr);
  EXPECT_EQ(daemon->status(), 201);
  claim(folder_, "another");
  EXPECT_EQ(daemon->status(), 409);
  fs::create_symlink(folder_, daemon->root() / "alias");
  nlohmann::json wrong{{"Path", folder_.string()}, {"Device", 1}, {"Inode", 2}, {"Changed", 3}, {"Boot", ""}};
  daemon->api("POST", "/build/directories", wrong.dump());
  EXPECT_EQ(daemon->status(), 409);
  daemon->api("POST", "/build?directory=0000");
  EXPECT_EQ(daemon->status(), 404);
  daemon->api("POST", "/build/directories", "[]");
  EXPECT_EQ(daemon->status(), 400);
  fs::remove(daemon->root() / "alias");
}

TEST_F(BuildSharedContext, TakesAllThatAContextMayBe) {
  write("other.Dockerfile", "FROM busybox\nCOPY a dir /x/\nADD made.tar /unpacked/\nCOPY *.txt /t/\n");
  write("other.Dockerfile.dockerignore", "skipped.txt\n");
  write("skipped.txt", "s");
  write("one.txt", "t");
  ASSERT_EQ(shell("cd " + folder_.string() + " && tar cf made.tar a").code, 0);
  const Result built = build("-t all -f " + (folder_ / "other.Dockerfile").string());
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(cli("run --rm all sh -c 'cat /x/a /x/b /unpacked/a; ls /t'").out, "onetwooneone.txt\n");
  EXPECT_THAT(build("-f " + (folder_ / "missing").string()).err, HasSubstr("no such file or directory"));
  cli("rmi all");
}

}  // namespace
}  // namespace gantry::e2e
