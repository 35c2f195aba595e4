// gantryd under a service manager: the test plays systemd's part, hands over a listening socket and hears the
// notifications (sd_listen_fds(3), sd_notify(3)).

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

UniqueFd bound_socket(const std::filesystem::path& path, int type) {
  UniqueFd fd{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << path;
  return fd;
}

class Systemd : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon_.write_config({{"hosts", {"fd://"}}});
    listener_ = bound_socket(daemon_.socket(), SOCK_STREAM);
    ASSERT_EQ(::listen(listener_.get(), 16), 0);
    notifications_ = bound_socket(daemon_.root() / "notify", SOCK_DGRAM);
  }
  void TearDown() override {
    if (HasFailure()) ADD_FAILURE() << daemon_.log();
  }

  /// The shell becomes the daemon, so that LISTEN_PID is right. Only bash moves descriptors of two digits.
  bool start() {
    const UniqueFd inherited{::fcntl(listener_.get(), F_DUPFD, 10)};
    const std::string fd = std::to_string(inherited.get());
    return daemon_.start("exec bash -c 'exec 3<&" + fd + " " + fd +
                         "<&-; export LISTEN_PID=$$ LISTEN_FDS=1 NOTIFY_SOCKET=" +
                         (daemon_.root() / "notify").string() + R"(; "$@"' bash)");
  }

  std::string notification() {
    pollfd fd{notifications_.get(), POLLIN, 0};
    if (::poll(&fd, 1, 20'000) != 1) return "nothing";
    std::array<char, 512> text{};
    const ssize_t got = ::recv(notifications_.get(), text.data(), text.size(), 0);
    return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }

  Daemon daemon_;
  UniqueFd listener_;
  UniqueFd notifications_;
};

TEST_F(Systemd, HandsOverTheSocketAndHearsOfEachStep) {
  ASSERT_TRUE(start());
  EXPECT_EQ(notification(), "READY=1");
  EXPECT_EQ(daemon_.docker("version -f '{{.Server.Version}}'").code, 0);
  ::kill(daemon_.pid(), SIGHUP);
  EXPECT_THAT(notification(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  EXPECT_EQ(notification(), "READY=1");
  daemon_.write_config({{"hosts", {"fd://"}}, {"no-such-key", 1}});
  ::kill(daemon_.pid(), SIGHUP);
  EXPECT_THAT(notification(), HasSubstr("RELOADING=1"));
  EXPECT_EQ(notification(), "READY=1");  // with the old config
  daemon_.kill(SIGTERM);
  EXPECT_EQ(notification(), "STOPPING=1");
  EXPECT_TRUE(std::filesystem::is_socket(daemon_.socket())) << "the socket is systemd's";
}

TEST_F(Systemd, KeepsClientsWaitingWhileTheDaemonIsStartedAgain) {
  ASSERT_TRUE(start());
  load_busybox(daemon_);
  daemon_.kill(SIGTERM);
  const auto client = daemon_.background("run --rm busybox echo served");
  daemon_.write_config({{"hosts", {"fd://"}}});
  ASSERT_TRUE(start());
  EXPECT_TRUE(client->wait_for("served")) << client->output();
}

// KillMode=process: systemd ends the daemon's process and no other of the unit.
TEST_F(Systemd, EndsTheDaemonAloneAndContainersRunOn) {
  daemon_.write_config({{"hosts", {"fd://"}}, {"live-restore", true}});
  ASSERT_TRUE(start());
  load_busybox(daemon_);
  ASSERT_EQ(daemon_.cli("run -d --name box busybox sleep 1000").code, 0);
  const json pid = daemon_.inspect("box", "/State/Pid");
  for (const int signal : {SIGTERM, SIGKILL}) {
    daemon_.kill(signal);
    EXPECT_EQ(::kill(pid.get<pid_t>(), 0), 0);
    ASSERT_TRUE(start());
    EXPECT_EQ(daemon_.inspect("box", "/State/Pid"), pid);
    EXPECT_EQ(daemon_.inspect("box", "/State/Running"), true);
  }
}

TEST(SystemdSockets, OfAnotherProcessAreNotTaken) {
  Daemon daemon{{{"hosts", {"fd://"}}}};
  EXPECT_FALSE(daemon.start("LISTEN_PID=1 LISTEN_FDS=1"));
  EXPECT_THAT(daemon.log(), HasSubstr("no sockets found via socket activation: make sure the service was started by "
                                      "systemd"));
}

// An earlier daemon's bridge is there, with its address: a daemon with another data root takes it as its own.
TEST(BridgeOfAnEarlierDaemon, IsKeptByADaemonOfAnotherDataRoot) {
  const std::string look = "cat /sys/class/net/gantry0/ifindex; ip -o -4 address show gantry0";
  Daemon first;
  ASSERT_TRUE(first.start()) << first.log();
  const std::string bridge = shell(look).out;
  EXPECT_THAT(bridge, HasSubstr("inet "));
  first.kill(SIGKILL);
  Daemon second;
  ASSERT_TRUE(second.start()) << second.log();
  EXPECT_EQ(shell(look).out, bridge);
  load_busybox(second);
  const Result result = second.cli("run --rm busybox ip -4 route show default");
  EXPECT_THAT(result.out, HasSubstr("default via ")) << result.err;
  EXPECT_EQ(shell(look).out, bridge);
}

}  // namespace
}  // namespace gantry::e2e
