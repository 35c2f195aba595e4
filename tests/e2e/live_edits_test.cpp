// Ports, mounts and networks of a container that runs, changed by `gantry update`, also through a kill of the daemon.

#include <csignal>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LiveEdits : public Engine {
 protected:
  static void run_server(const std::string& options) {
    EXPECT_EQ(cli("run -d --name web " + options +
                  " busybox sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www'")
                  .code,
              0);
  }
  static std::string fetch(int port) {
    return shell("curl -s --retry 30 --retry-connrefused --retry-delay 1 --max-time 20 http://127.0.0.1:" +
                 std::to_string(port))
        .out;
  }
  static bool is_open(int port) {
    return shell("curl -s -o /dev/null --max-time 5 http://127.0.0.1:" + std::to_string(port)).code == 0;
  }
};

TEST_F(LiveEdits, PublishesAndTakesBackPorts) {
  run_server("-p 8080:80 -p 91");
  const std::string chosen = cli("port web 91").line();
  EXPECT_EQ(cli("update --publish-add 8081:80 web").line(), "web");
  EXPECT_EQ(fetch(8081), "served\n");
  EXPECT_EQ(fetch(8080), "served\n");
  EXPECT_EQ(cli("update --publish-rm 8080:80 web").code, 0);
  EXPECT_FALSE(is_open(8080));
  EXPECT_EQ(fetch(8081), "served\n");
  EXPECT_EQ(cli("port web 91").line(), chosen) << "a port that stays was chosen anew";
  EXPECT_EQ(cli("run -d --name other -p 8080:80 busybox sleep 1000").code, 0) << "the port was not given back";
}

TEST_F(LiveEdits, KeepsAllPortsWhenOneIsTaken) {
  run_server("-p 8080:80");
  cli("run -d --name other -p 8090:80 busybox sleep 1000");
  const Result refused = cli("update --publish-add 8085:80 --publish-add 8090:80 --publish-rm 8080:80 web");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("Bind for 0.0.0.0:8090 failed: port is already allocated"));
  EXPECT_EQ(fetch(8080), "served\n");
  EXPECT_FALSE(is_open(8085));
  EXPECT_EQ(cli("port web").out, "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n");
}

TEST_F(LiveEdits, SurvivesTheDaemonAndARestart) {
  run_server("-p 8080:80");
  cli("volume create kept");
  EXPECT_EQ(
      cli("update --publish-add 8081:80 --publish-rm 8080:80 --mount-add type=volume,src=kept,dst=/kept web").code, 0);
  cli("exec web sh -c 'echo still >/kept/file'");
  daemon->kill(SIGKILL);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(fetch(8081), "served\n");
  EXPECT_FALSE(is_open(8080));
  EXPECT_EQ(cli("exec web cat /kept/file").out, "still\n");
  EXPECT_EQ(cli("restart -t 0 web").code, 0);
  EXPECT_EQ(cli("exec web cat /kept/file").out, "still\n");
  EXPECT_EQ(cli("port web").line(), "80/tcp -> 0.0.0.0:8081");
  cli("rm -f web");
  EXPECT_EQ(cli("volume rm kept").code, 0);
}

TEST_F(LiveEdits, AddsAndRemovesMounts) {
  run_server("");
  const std::string source = daemon->root() / "source";
  shell("mkdir -p " + source + " && echo content >" + source + "/file");
  const std::string bind = "type=bind,readonly,src=" + source + ",dst=/made/here";
  EXPECT_EQ(cli("update --mount-add " + bind + " --mount-add type=tmpfs,dst=/scratch,tmpfs-size=1m web").code, 0);
  EXPECT_EQ(cli("exec web cat /made/here/file").out, "content\n");
  EXPECT_THAT(cli("exec web touch /made/here/new").err, HasSubstr("Read-only file system"));
  EXPECT_THAT(cli("exec web df -m /scratch").out, HasSubstr(" 1 "));
  EXPECT_THAT(cli("inspect -f '{{json .Mounts}}' web").out, HasSubstr("\"Destination\":\"/made/here\""));
  EXPECT_THAT(cli("update --mount-add " + bind + " web").err, HasSubstr("Duplicate mount point: /made/here"));
  EXPECT_EQ(cli("update --mount-rm /made/here --mount-rm /scratch web").code, 0);
  EXPECT_THAT(cli("exec web ls /made/here").out, Not(HasSubstr("file")));
  EXPECT_EQ(cli("inspect -f '{{json .Mounts}}' web").out, "[]\n");
}

TEST_F(LiveEdits, UndoesMountsWhenOneCannotBe) {
  run_server("");
  const Result refused =
      cli("update --mount-add type=volume,src=first,dst=/first --mount-add type=tmpfs,dst=/proc/sys web");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("cannot be mounted because it is inside /proc"));
  EXPECT_THAT(cli("exec web cat /proc/mounts").out, Not(HasSubstr(" /first ")));
  EXPECT_EQ(cli("volume rm first").code, 0) << "the volume is still held";
  cli("update --mount-add type=volume,src=busy,dst=/busy web");
  cli("exec -d -w /busy web sleep 1000");
  EXPECT_THAT(cli("update --mount-rm /busy web").err, HasSubstr("a process of the container uses it"));
  EXPECT_THAT(cli("volume rm busy").err, HasSubstr("volume is in use"));
  cli("rm -f web");
  EXPECT_EQ(cli("volume rm busy").code, 0);
}

TEST_F(LiveEdits, MakesAndRemovesMountsInsideOfOneAnother) {
  run_server("");
  EXPECT_EQ(cli("update --mount-add type=tmpfs,dst=/data/sub --mount-add type=volume,src=outer,dst=/data web").code, 0);
  EXPECT_EQ(cli("exec web sh -c 'grep -c \" /data\" /proc/mounts; ls /data'").out, "2\nsub\n");
  const Result removed = cli("update --mount-rm /data --mount-rm /data/sub web");
  EXPECT_EQ(removed.code, 0) << removed.err;
  EXPECT_EQ(cli("exec web grep -c ' /data' /proc/mounts").line(), "0");
  EXPECT_EQ(cli("volume rm outer").code, 0);
}

TEST_F(LiveEdits, TakesNothingAwayBeforeTheNewIsThere) {
  run_server("--tmpfs /keep");
  cli("exec web touch /keep/file");
  const Result refused = cli("update --mount-rm /keep --mount-add type=bind,src=/no/such,dst=/other web");
  EXPECT_THAT(refused.err, HasSubstr("bind source path does not exist: /no/such"));
  EXPECT_EQ(cli("exec web ls /keep").out, "file\n");
}

TEST_F(LiveEdits, ExchangesAnImageForAnotherAtTheSamePlace) {
  cli("run --name maker busybox touch /mark");
  EXPECT_EQ(cli("commit maker other").code, 0);
  EXPECT_EQ(cli("run -d --name web --mount type=image,src=busybox,dst=/image busybox sleep 1000").code, 0);
  cli("stop -t 0 web");
  EXPECT_EQ(cli("update --mount-rm /image --mount-add type=image,src=other,dst=/image web").code, 0);
  const Result started = cli("start web");
  EXPECT_EQ(started.code, 0) << started.err;
  EXPECT_EQ(cli("exec web ls /image/mark").line(), "/image/mark");
}

TEST_F(LiveEdits, ChangesWhatDoesNotRunForItsNextStart) {
  EXPECT_EQ(cli("create --name later busybox sh -c 'mount | grep -c scratch; sleep 1000'").code, 0);
  EXPECT_EQ(cli("update --publish-add 8082:80 --mount-add type=tmpfs,dst=/scratch later").code, 0);
  EXPECT_EQ(cli("start later").code, 0);
  EXPECT_EQ(cli("port later").line(), "80/tcp -> 0.0.0.0:8082");
  EXPECT_EQ(cli("exec later grep -c ' /scratch ' /proc/mounts").line(), "1");
}

TEST_F(LiveEdits, MovesBetweenNetworks) {
  cli("network create mesh");
  run_server("-p 8080:80");
  EXPECT_EQ(cli("update --network-add name=mesh,alias=site --network-rm bridge web").code, 0);
  EXPECT_EQ(fetch(8080), "served\n");
  EXPECT_EQ(cli("run --rm --network mesh busybox wget -q -O - http://site").out, "served\n");
  cli("rm -f web");
  EXPECT_EQ(cli("network rm mesh").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
