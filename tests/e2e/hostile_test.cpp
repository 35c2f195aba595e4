// Clients, images and containers that mean no good, or that only hang: the others must not notice.

#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Hostile : public Engine {
 protected:
  static std::unique_ptr<Background> script(const std::string& text) {
    return std::make_unique<Background>(text, daemon->environment(), false);
  }
  static std::string curl(const std::string& path) {
    return "curl -sN --unix-socket " + daemon->socket().string() + " http://d" + path;
  }
};

TEST_F(Hostile, AStepOfABuildDoesNotOutliveItsDaemon) {
  const fs::path folder = daemon->root() / "context";
  fs::create_directories(folder);
  std::ofstream(folder / "Dockerfile") << "FROM busybox\nRUN echo begun; sleep 1000\n";
  const auto build = daemon->background("build --no-cache " + folder.string());
  ASSERT_TRUE(build->wait_for("begun\n")) << build->output();
  daemon->kill(SIGKILL);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(cli("ps -aq").out, "");
}

TEST_F(Hostile, AChrootedDaemonsContainersHaveTheirOwnRoot) {
  const std::string root = daemon->root() / "chroot";
  daemon->kill(SIGTERM);
  ASSERT_TRUE(daemon->start("mkdir " + root + " && mount --rbind / " + root + " && exec chroot " + root +
                            " sh -c 'shift; exec \"$@\"' sh"))
      << daemon->log();
  cli("run -d --name boxed busybox sleep 1000");
  EXPECT_EQ(cli("exec boxed ls -a /").out, cli("run --rm busybox ls -a /").out);
  EXPECT_THAT(cli("exec boxed cat /proc/mounts").out, HasSubstr("overlay / overlay"));
  // What is chrooted may not do this: above its root there would be more.
  EXPECT_EQ(cli("run --rm --security-opt seccomp=unconfined busybox unshare -U true").code, 0);
  cli("rm -f boxed");
  daemon->kill(SIGTERM);
  EXPECT_EQ(shell("umount -R -l " + root + " && rmdir " + root).code, 0);
  ASSERT_TRUE(daemon->start()) << daemon->log();
}

TEST_F(Hostile, ADockerfileThatIsAPipeKeepsNobodyWaiting) {
  const std::string folder = daemon->root() / "piped";
  const std::string send =
      "curl -s --max-time 20 --data-binary @- -H 'Content-Type: application/x-tar' --unix-socket " +
      daemon->socket().string() + " http://d/build";
  const Result built =
      shell("mkdir " + folder + " && cd " + folder + " && mkfifo Dockerfile && tar c Dockerfile | " + send);
  EXPECT_THAT(built.out, HasSubstr("Cannot locate specified Dockerfile: Dockerfile"));
  const Result ignored =
      shell("cd " + folder + " && rm Dockerfile && mkfifo .dockerignore && printf 'FROM busybox\n' " +
            ">Dockerfile && tar c Dockerfile .dockerignore | " + send);
  EXPECT_THAT(ignored.out, HasSubstr("Successfully built"));
}

TEST_F(Hostile, ClientsThatDoNotReadKeepNobodyWaiting) {
  ASSERT_EQ(cli("run -d --name large busybox sh -c 'head -c 20000000 /dev/zero >/zeros; echo ready; sleep 1000'").code,
            0);
  ASSERT_TRUE(daemon->background("logs -f large")->wait_for("ready"));
  std::vector<std::unique_ptr<Background>> readers;
  for (int number = 0; number < 40; ++number) {
    readers.push_back(script(curl("/containers/large/export") + " | (head -c 100; echo reading; sleep 1000)"));
  }
  for (const auto& reader : readers) ASSERT_TRUE(reader->wait_for("reading"));
  // A new volume is filled by the pool that the archives come from.
  EXPECT_EQ(cli("run --rm -v /etc busybox echo fine").out, "fine\n");
  EXPECT_THAT(shell(curl("'/containers/large/archive?path=/etc/passwd'")).out, HasSubstr("root:x:0:0:"));
}

TEST_F(Hostile, HundredsOfFollowersTakeNoThreads) {
  ASSERT_EQ(
      cli("run -d --name quiet busybox sh -c 'until [ -e /go ]; do sleep 0.1; done; echo heard; sleep 1000'").code, 0);
  const std::string follow = "exec 3<>/dev/null; for n in $(seq 150); do " +
                             curl("'/containers/quiet/logs?follow=1&stdout=1'") + " & " + curl("/events") + " & " +
                             "curl -sN -X POST --unix-socket " + daemon->socket().string() +
                             " 'http://d/containers/quiet/attach?stream=1&stdout=1' & done; echo begun; wait";
  const auto followers = script(follow);
  ASSERT_TRUE(followers->wait_for("begun"));
  const std::string process = "/proc/" + std::to_string(daemon->pid());
  const std::string all_there = "[ $(ls -l " + process + "/fd | grep -c socket:) -ge 450 ]";
  ASSERT_EQ(shell("timeout 20 sh -c 'until " + all_there + "; do :; done'").code, 0);
  for (int round = 0; round < 5; ++round) EXPECT_EQ(cli("run --rm busybox echo fine").out, "fine\n");
  // What their first answers took goes.
  until([&] { return std::stoi(shell("ls " + process + "/task | wc -l").out) < 64; });
  EXPECT_EQ(cli("exec quiet touch /go").code, 0);
  for (int follower = 0; follower < 300; ++follower) ASSERT_TRUE(followers->wait_for("heard\n")) << follower;
  EXPECT_EQ(cli("rm -f quiet").code, 0);
}

TEST_F(Hostile, ContainersThatComeAndGoLeaveTheDaemonAsItWas) {
  const std::string process = "/proc/" + std::to_string(daemon->pid());
  // Without the state's files: a checkpoint opens them when its time has come.
  const std::string descriptors = "$(ls -l " + process + "/fd | grep -cv state.db)";
  const auto run_some = [] {
    const std::string run = program("gantry").string() + " run --rm busybox true";
    return shell("for n in $(seq 40); do " + run + " || exit 1; done", daemon->environment()).code;
  };
  ASSERT_EQ(run_some(), 0);
  const std::string before = shell("echo " + descriptors).line();
  ASSERT_EQ(run_some(), 0);
  // The last client's connection and shim may be about to go.
  const std::string settled =
      "[ " + descriptors + " -le " + before + " -a $(cat " + process + "/task/*/children | wc -w) -le 1 ]";
  EXPECT_EQ(shell("timeout 10 sh -c 'until " + settled + "; do :; done'").code, 0)
      << shell("ls -l " + process + "/fd; cat " + process + "/task/*/children").out;
}

TEST_F(Hostile, ADockerfileThatMakesTooMuchIsToldTheLine) {
  const fs::path folder = daemon->root() / "too-much";
  fs::create_directories(folder);
  const auto build = [&](const std::string& recipe) {
    std::ofstream(folder / "Dockerfile") << recipe;
    const Result ours = cli("build " + folder.string());
    EXPECT_NE(ours.code, 0);
    if (have_docker_cli()) {
      EXPECT_THAT(daemon->docker("build " + folder.string()).err, HasSubstr(" on line 3"));
    }
    return ours.err;
  };
  const std::string ranges(" 1-65535");
  std::string expose = "EXPOSE";
  for (int at = 0; at < 100; ++at) expose += ranges;
  EXPECT_THAT(build("FROM scratch\n\n" + expose + "\n"), HasSubstr("the Dockerfile asks for too much on line 3: "));
  std::string words = "LABEL";
  for (int at = 0; at < 2000; ++at) words += " l" + std::to_string(at) + "=$a";
  EXPECT_THAT(build("FROM scratch\nENV a=" + std::string(500'000, 'x') + "\n" + words + "\n"),
              HasSubstr("the Dockerfile asks for too much on line 3: "));
  std::ofstream(folder / "Dockerfile") << "FROM scratch\nEXPOSE 1-65535/tcp 1-65535/udp\n";
  EXPECT_THAT(cli("build " + folder.string()).err,
              HasSubstr("line 2 of the Dockerfile: invalid image config: ExposedPorts has more than 65536 entries"));
}

TEST_F(Hostile, AnImagesLinksLeadAVolumesContentNowhere) {
  const fs::path layout = daemon->root() / "hostile";
  const fs::path busybox = "/bin/busybox";
  std::ifstream file{busybox, std::ios::binary};
  const std::string program_bytes{std::istreambuf_iterator<char>{file}, {}};
  const std::string layer = tar_of({{"bin/", ""},
                                    {"bin/busybox", program_bytes},
                                    {"bin/cat", "busybox", 'l'},
                                    {"bin/sh", "busybox", 'l'},
                                    {"bin/ls", "busybox", 'l'},
                                    {"etc/", ""},
                                    {"etc/passwd", "ours", 'f', 0644},
                                    {"absolute", "/etc", 'l'},
                                    {"relative", "../../../../../../../etc", 'l'}});
  make_layout(layout, {layer},
              {{"Cmd", {"ls", "/absolute", "/relative"}},
               {"Volumes", {{"/absolute", nlohmann::json::object()}, {"/relative", nlohmann::json::object()}}}},
              "hostile:1");
  ASSERT_EQ(
      shell("tar -C " + layout.string() + " -cf - . | " + program("gantry").string() + " load", daemon->environment())
          .code,
      0);
  const Result ran = cli("run --rm hostile:1");
  EXPECT_THAT(ran.out, HasSubstr("passwd")) << ran.err;
  EXPECT_THAT(ran.out, ::testing::Not(HasSubstr("shadow")));
  EXPECT_EQ(cli("rmi hostile:1").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
