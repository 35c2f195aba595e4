// Many clients at once: no address is given twice, and nothing is left when they have gone.

#include <algorithm>
#include <sstream>
#include <tuple>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

/// An address that a client saw its container have, and the time (ns) in which it surely had it.
struct Held {
  std::string address;
  std::string container;
  long long from{};
  long long until{};
};

/// Each round makes a network, connects a container to it and to the network that all share, runs it, and takes all
/// away again. Prints what the container's own interfaces had: ADDRESS CONTAINER FROM UNTIL.
constexpr const char* kClient = R"(
  set -e
  for round in $(seq $ROUNDS); do
    name=load-$CLIENT-$round
    $G network create --ipv6 $name >&2
    $G create --name $name --network shared busybox sleep 1000 >&2
    $G network connect $name $name
    $G start $name >&2
    from=$(date +%s%N)
    addresses=$($G exec $name ip -o address show | awk '$2 != "lo" && $4 !~ /^fe80/ { sub("/.*", "", $4); print $4 }')
    until=$(date +%s%N)
    for address in $addresses; do echo $address $name $from $until; done
    $G network disconnect shared $name
    $G rm -f $name >&2
    $G network rm $name >&2
  done)";

class NetworksUnderLoad : public Engine {
 protected:
  static constexpr int kClients = 8;
  static constexpr std::size_t kAddressesEach = 4;  ///< One of each family on each network.

  static int rounds_each() { return std::max(1, rounds(24) / kClients); }
  static std::vector<Held> parse(const std::string& output) {
    std::vector<Held> all;
    std::istringstream lines{output};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields{line};
      Held held;
      if (fields >> held.address >> held.container >> held.from >> held.until) all.push_back(held);
    }
    return all;
  }
};

// So few addresses that one which is free is soon another's.
TEST_F(NetworksUnderLoad, NoAddressIsGivenTwiceAndNothingIsLeft) {
  ASSERT_EQ(cli("network create --subnet 10.199.7.0/28 --ipv6 --subnet fd77:7::/124 shared").code, 0);
  const Kernel idle = kernel_state(*daemon);
  std::string clients = "D=$(mktemp -d); ";
  for (int client = 0; client < kClients; ++client) {
    const std::string number = std::to_string(client);
    clients += "(CLIENT=" + number + "; " + kClient + ") >$D/" + number + " 2>$D/" + number + ".err || { cat $D/" +
               number + ".err >&2; } & ";
  }
  Environment environment = daemon->environment();
  environment["G"] = program("gantry").string();
  environment["ROUNDS"] = std::to_string(rounds_each());
  const Result ran = shell(clients + "wait; cat $D/?; rm -r $D", environment, {}, std::chrono::seconds{3600});
  ASSERT_EQ(ran.err, "");

  std::vector<Held> all = parse(ran.out);
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kClients) * rounds_each() * kAddressesEach) << ran.out;
  std::sort(all.begin(), all.end(), [](const Held& one, const Held& other) {
    return std::tie(one.address, one.from) < std::tie(other.address, other.from);
  });
  std::size_t used_again = 0;
  for (std::size_t index = 1; index < all.size(); ++index) {
    const Held& before = all[index - 1];
    const Held& after = all[index];
    if (before.address != after.address) continue;
    ++used_again;
    EXPECT_LE(before.until, after.from) << after.address << " of " << before.container << " and " << after.container;
  }
  EXPECT_GT(used_again, 0U) << "no address came twice: this shows nothing";
  EXPECT_EQ(cli("ps -aq").out, "");
  EXPECT_EQ(leaks_since(idle, *daemon), "");
  EXPECT_EQ(cli("network rm shared").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
