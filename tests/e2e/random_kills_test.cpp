// Kill -9 at random points of what changes networks and volumes: after the restart the kernel has what the daemon says.

#include <unistd.h>

#include <algorithm>
#include <random>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

/// The seed is told, so a failure can be repeated.
class RandomKills : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    RecordProperty("seed", static_cast<int>(seed_));
  }
  static constexpr int kRounds = 8;
  [[nodiscard]] std::string where(int round) const {
    return "seed " + std::to_string(seed_) + " round " + std::to_string(round) + "\n" + daemon->log();
  }
  /// Kills the daemon within `longest` (us) of the commands' beginning, and starts it again.
  void kill_amid(const std::string& commands, int longest) {
    Environment environment = daemon->environment();
    environment["G"] = program("gantry").string();
    const auto work = std::make_unique<Background>(commands, environment, false);
    std::uniform_int_distribution<int> wait{0, longest};
    // A random instant, not an event: that is the point of this test.
    ::usleep(static_cast<useconds_t>(wait(random_)));
    daemon->kill(SIGKILL);
    work->wait();
    ASSERT_TRUE(daemon->start());
  }

  unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
};

using Facts = std::vector<std::string>;

Facts sorted(Facts facts) {
  std::sort(facts.begin(), facts.end());
  return facts;
}

/// Bridges, addresses in containers and in their hosts files, default routes and published ports, as the API tells
/// them.
Facts told_of_networks(Daemon& daemon) {
  Facts facts;
  for (const auto& network : daemon.api("GET", "/networks")) {
    if (network["Driver"] != "bridge") continue;
    const std::string id = network["Id"];
    facts.push_back("bridge " + network["Options"].value("com.docker.network.bridge.name", "br-" + id.substr(0, 12)));
  }
  for (const auto& container : daemon.api("GET", "/containers/json")) {
    for (const auto& [name, endpoint] : container["NetworkSettings"]["Networks"].items()) {
      for (const char* member : {"IPAddress", "GlobalIPv6Address"}) {
        if (endpoint[member] == "") continue;
        for (const char* place : {"address ", "hosts "}) facts.push_back(place + endpoint[member].get<std::string>());
      }
      // One that has no way out has none.
      if (endpoint["Gateway"] != "") facts.push_back("gateway " + endpoint["Gateway"].get<std::string>());
    }
    for (const auto& port : container["Ports"]) {
      if (port.contains("PublicPort")) facts.push_back("port " + std::to_string(port["PublicPort"].get<int>()));
    }
  }
  facts.erase(std::unique(facts.begin(), facts.end()), facts.end());
  return sorted(facts);
}

/// The same, as the kernel and the containers' files have them.
Facts found_of_networks(Daemon& daemon) {
  Facts facts = shell("ip -o link show type bridge | awk '{ sub(\":\", \"\", $2); print \"bridge \" $2 }'").lines();
  for (const auto& container : daemon.api("GET", "/containers/json")) {
    const std::string pid = daemon.inspect(container["Id"], "/State/Pid").dump();
    const Facts addresses = shell("nsenter --target " + pid +
                                  " --net sh -c \"ip -o address show; ip route show default\" | awk '$1 == "
                                  "\"default\" { print \"gateway \" $3; next } $2 != \"lo\" && $4 !~ /^fe80/ { "
                                  "sub(\"/.*\", \"\", $4); print \"address \" $4 }'")
                                .lines();
    facts.insert(facts.end(), addresses.begin(), addresses.end());
    const std::string hostname = container["Id"].get<std::string>().substr(0, 12);
    const Facts named =
        shell("awk '$2 == \"" + hostname + "\" { print \"hosts \" $1 }' /proc/" + pid + "/root/etc/hosts").lines();
    facts.insert(facts.end(), named.begin(), named.end());
  }
  const Facts ports =
      shell("nft list ruleset | grep -o '\\. 83[0-9]* :' | awk '{ print \"port \" $2 }' | sort -u").lines();
  facts.insert(facts.end(), ports.begin(), ports.end());
  return sorted(facts);
}

TEST_F(RandomKills, LeaveNetworksAsTheDaemonSaysTheyAre) {
  ASSERT_EQ(cli("run -d --name bystander -p 8301:80 busybox sleep 1000").code, 0);
  const Kernel idle = kernel_state(*daemon);
  for (int round = 0; round < rounds(kRounds); ++round) {
    kill_amid(
        "$G network create --ipv6 one; $G network create -d macvlan two; $G create --name both --network one -p "
        "8300:80 "
        "busybox sleep 1000; $G network connect two both; $G start both; $G network disconnect one both; $G network "
        "connect --alias again one both; $G rm -f both; $G network rm one; $G network prune -f",
        400'000);
    ASSERT_FALSE(HasFatalFailure()) << where(round);
    ASSERT_EQ(found_of_networks(*daemon), told_of_networks(*daemon)) << where(round);
    // Whatever there is, can be used and taken away.
    for (const auto& container : daemon->api("GET", "/containers/json?all=1&filters={\"name\":[\"both\"]}")) {
      if (container["State"] == "running") continue;
      ASSERT_EQ(cli("start both").code, 0) << where(round);
      ASSERT_EQ(found_of_networks(*daemon), told_of_networks(*daemon)) << where(round);
    }
    cli("rm -f both");
    cli("network prune -f");
    ASSERT_EQ(cli("network ls -q --filter type=custom").out, "") << where(round);
    ASSERT_EQ(leaks_since(idle, *daemon), "") << where(round);
  }
  EXPECT_EQ(cli("rm -f bystander").code, 0);
}

TEST_F(RandomKills, LeaveVolumesAndTheirCopiesWhole) {
  ASSERT_EQ(cli("run --rm -v data:/v busybox sh -c 'for i in $(seq 500); do echo $i >/v/$i; done'").code, 0);
  const std::filesystem::path volumes =
      std::filesystem::path{cli("volume inspect -f '{{.Mountpoint}}' data").line()}.parent_path().parent_path();
  const auto content = [&](const std::string& volume) {
    return shell("cd " + (volumes / volume / "_data").string() + " && find . -type f | sort | xargs cat | sha256sum")
        .line();
  };
  const std::string whole = content("data");
  for (int round = 0; round < rounds(kRounds); ++round) {
    kill_amid(
        "$G volume create plain; $G volume clone data copy; $G volume snapshot data shot; $G volume rename copy moved; "
        "$G volume export data | $G volume import moved; $G volume rm plain moved shot; $G volume create last; $G "
        "volume rm last",
        120'000);
    ASSERT_FALSE(HasFatalFailure()) << where(round);
    const Facts told = sorted(cli("volume ls -q").lines());
    ASSERT_EQ(told, sorted(shell("ls " + volumes.string()).lines())) << where(round);
    ASSERT_EQ(shell("ls " + (volumes / ".tmp").string()).out, "") << where(round);
    for (const std::string& name : told) {
      if (name == "copy" || name == "shot") {
        ASSERT_EQ(content(name), whole) << name << " " << where(round);
      }
    }
    ASSERT_EQ(content("data"), whole) << where(round);
    for (const std::string& name : told) {
      if (name == "data") continue;
      ASSERT_EQ(cli("volume rm " + name).code, 0) << name << " " << where(round);
    }
  }
  EXPECT_EQ(cli("volume rm data").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
