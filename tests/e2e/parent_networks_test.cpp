// Networks on an interface of the host's: macvlan and ipvlan; containers are machines of the network that it is in.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kParentServer =
    "busybox sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www'";

/// A machine on the other end of a cable: the host's end is `cable0`.
class ParentNetworks : public BothClients {
 protected:
  void SetUp() override {
    // A folder of this test's alone: others run beside it.
    shell(
        "mkdir -p /run/netns; mount -t tmpfs names /run/netns; ip netns add far; ip link add cable0 type veth peer "
        "name cable1; ip link set cable0 up;"
        "ip link set cable1 netns far; ip -n far link set lo up; ip -n far link set cable1 up;"
        "ip -n far addr add 10.77.0.200/24 dev cable1; ip -n far -6 addr add fd77::200/64 dev cable1 nodad");
    // Until the carriers are noticed, packets are dropped.
    shell(
        "timeout 10 sh -c 'until ip link show cable0 | grep -q \"state UP\"; do :; done;"
        "until ip -n far link show cable1 | grep -q \"state UP\"; do :; done'");
    BothClients::SetUp();
  }
  void TearDown() override {
    BothClients::TearDown();
    shell("ip link del cable0; ip netns del far; umount /run/netns");
  }

  static std::string far(const std::string& command) { return shell("nsenter --net=/run/netns/far " + command).out; }
  static std::string inspect(const std::string& container, const std::string& pointer) {
    return daemon->inspect(container, pointer).get<std::string>();
  }
};
INSTANTIATE_TEST_SUITE_P(By, ParentNetworks, ::testing::Values("gantry", "docker"), client_name);

TEST_P(ParentNetworks, PutAContainerIntoTheParentsNetwork) {
  const Result made =
      run("network create -d macvlan --ipv6 --subnet 10.77.0.0/24 --gateway 10.77.0.254 --subnet fd77::/64 -o "
          "parent=cable0 lan");
  ASSERT_EQ(made.code, 0) << made.err;
  run(std::string{"run -d --name web --network lan --ip 10.77.0.9 -p 8080:80 "} + kParentServer);
  EXPECT_EQ(far("curl -s --retry 30 --retry-connrefused --retry-delay 1 http://10.77.0.9"), "served\n");
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/lan/IPAddress"), "10.77.0.9");
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/lan/Gateway"), "10.77.0.254");
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/lan/MacAddress"), "02:42:0a:4d:00:09");
  EXPECT_THAT(daemon->inspect("web", "/NetworkSettings/Ports").dump(), Not(HasSubstr("HostPort")));
  EXPECT_THAT(run("run --rm --network lan busybox ip route").out, HasSubstr("default via 10.77.0.254 dev eth0"));
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 2 10.77.0.200").code, 0);
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 2 fd77::200").code, 0);
  EXPECT_EQ(run("run --rm --network lan busybox wget -q -O - http://web").out, "served\n") << "names, neighbours";
  run("rm -f web");
  EXPECT_EQ(run("network rm lan").code, 0);
  EXPECT_THAT(shell("ip link show cable0").out, HasSubstr("cable0")) << "the parent was there, and stays";
}

TEST_P(ParentNetworks, TakeTheModesOfMacvlan) {
  const std::string create = "network create -d macvlan --subnet 10.77.0.0/24 -o parent=cable0 ";
  ASSERT_EQ(run(create + "-o macvlan_mode=private lan").code, 0);
  run("run -d --name box --network lan busybox sleep 1000");
  const std::string neighbour = inspect("box", "/NetworkSettings/Networks/lan/IPAddress");
  EXPECT_NE(run("run --rm --network lan busybox ping -c 1 -W 1 " + neighbour).code, 0);
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 2 10.77.0.200").code, 0);
  run("rm -f box");
  run("network rm lan");
  ASSERT_EQ(run(create + "-o macvlan_mode=vepa lan").code, 0);
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 2 10.77.0.200").code, 0);
  run("network rm lan");
  ASSERT_EQ(run(create + "-o macvlan_mode=passthru lan").code, 0);
  EXPECT_THAT(run("network create -d macvlan --subnet 10.78.0.0/24 -o parent=cable0 second").err,
              HasSubstr("is already using parent interface cable0 in mode passthru"));
  EXPECT_EQ(run("run -d --name box --network lan busybox sleep 1000").code, 0);
  const Result second = run("run --rm --network lan busybox true");
  EXPECT_EQ(second.code, 125);
  EXPECT_THAT(second.err, HasSubstr("failed to create the macvlan port: invalid argument"));
  run("rm -f box");
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 2 10.77.0.200").code, 0) << "the parent is free again";
  run("network rm lan");
}

TEST_P(ParentNetworks, HaveNoWayOutWithoutAParent) {
  ASSERT_EQ(run("network create -d macvlan island").code, 0);
  const std::string id = run("network inspect -f '{{.Id}}' island").line();
  EXPECT_THAT(shell("ip link show dm-" + id.substr(0, 12)).out, HasSubstr("UP"));
  run(std::string{"run -d --name web --network island "} + kParentServer);
  await_server("web");
  EXPECT_EQ(run("run --rm --network island busybox wget -q -O - http://web").out, "served\n");
  EXPECT_THAT(run("run --rm --network island busybox ip route").out, Not(HasSubstr("default")));
  run("rm -f web");
  EXPECT_EQ(run("network rm island").code, 0);
  EXPECT_EQ(shell("ip link show dm-" + id.substr(0, 12)).out, "");
  ASSERT_EQ(run("network create -d macvlan --internal --subnet 10.77.0.0/24 -o parent=cable0 inner").code, 0);
  EXPECT_THAT(run("run --rm --network inner busybox ip route").out, Not(HasSubstr("default")));
  run("network rm inner");
}

TEST_P(ParentNetworks, GiveNoAddressesWithoutIpam) {
  EXPECT_THAT(run("network create --ipam-driver null plain").err, HasSubstr("ipv4 pool is empty"));
  EXPECT_THAT(run("network create -d macvlan --ipam-driver null --subnet 10.77.0.0/24 -o parent=cable0 plain").err,
              HasSubstr("null ipam driver does not handle specific address pool requests"));
  ASSERT_EQ(run("network create -d macvlan --ipam-driver null -o parent=cable0 plain").code, 0);
  EXPECT_EQ(run("network inspect -f '{{.IPAM.Driver}}' plain").line(), "null");
  run("run -d --name box --cap-add NET_ADMIN --network plain busybox sleep 1000");
  EXPECT_THAT(run("exec box ip addr show eth0").out, Not(HasSubstr("inet")));
  run("exec box ip addr add 10.77.0.7/24 dev eth0");
  EXPECT_EQ(run("exec box ping -c 1 -W 2 10.77.0.200").code, 0);
  const std::string mac = inspect("box", "/NetworkSettings/Networks/plain/MacAddress");
  EXPECT_THAT(run("exec box ip link show eth0").out, HasSubstr(mac));
  run("rm -f box");
  run("network rm plain");
}

TEST_P(ParentNetworks, ConnectAndDisconnectWhileRunning) {
  ASSERT_EQ(run("network create -d macvlan --subnet 10.77.0.0/24 -o parent=cable0 lan").code, 0);
  run("run -d --name box busybox sleep 1000");
  EXPECT_EQ(run("network connect lan box").code, 0);
  EXPECT_EQ(run("exec box ping -c 1 -W 2 10.77.0.200").code, 0);
  EXPECT_THAT(run("network rm lan").err, HasSubstr("has active endpoints"));
  EXPECT_EQ(run("network disconnect lan box").code, 0);
  EXPECT_NE(run("exec box ip link show eth1").code, 0);
  EXPECT_THAT(run("exec box ip route").out, HasSubstr("default via 172.17.0.1"));
  run("rm -f box");
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(ParentNetworks, AreTakenUpAfterTheDaemonsDeath) {
  ASSERT_EQ(run("network create -d macvlan --subnet 10.77.0.0/24 -o parent=cable0 lan").code, 0);
  run(std::string{"run -d --name web --network lan --ip 10.77.0.9 "} + kParentServer);
  daemon->kill(SIGKILL);
  EXPECT_EQ(far("curl -s --retry 30 --retry-connrefused --retry-delay 1 http://10.77.0.9"), "served\n");
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(far("curl -s http://10.77.0.9"), "served\n");
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/lan/IPAddress"), "10.77.0.9");
  EXPECT_THAT(run("run --rm --network lan --ip 10.77.0.9 busybox true").err, HasSubstr("Address already in use"));
  EXPECT_EQ(run("network disconnect lan web").code, 0);
  EXPECT_NE(run("exec web ip link show eth0").code, 0);
  run("rm -f web");
  run("network rm lan");
}

TEST_P(ParentNetworks, RefuseInDockerdsWords) {
  const auto refusal = [](const std::string& options) { return run("network create " + options + " no").err; };
  EXPECT_THAT(refusal("-d macvlan -o parent=lo"), HasSubstr("loopback interface is not a valid macvlan parent link"));
  EXPECT_THAT(refusal("-d macvlan -o parent=nope"),
              HasSubstr("invalid subinterface vlan name nope, example formatting is eth0.10"));
  EXPECT_THAT(refusal("-d macvlan -o parent=nope.10"),
              HasSubstr("-o parent interface was not found on the host: nope"));
  EXPECT_THAT(refusal("-d macvlan -o parent=cable0.5000"), HasSubstr("vlan id must be between 1-4094, received: 5000"));
  EXPECT_THAT(refusal("-d macvlan -o parent=cable0.x"),
              HasSubstr("unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)"));
  EXPECT_THAT(refusal("-d macvlan -o macvlan_mode=foo"),
              HasSubstr("requested macvlan mode 'foo' is not valid, 'bridge' mode is the macvlan driver default"));
  EXPECT_THAT(refusal("-d ipvlan -o ipvlan_mode=l4"),
              HasSubstr("requested ipvlan mode 'l4' is not valid, 'l2' mode is the ipvlan driver default"));
  EXPECT_THAT(refusal("-d ipvlan -o ipvlan_flag=l4"),
              HasSubstr("requested ipvlan flag 'l4' is not valid, 'bridge' is the ipvlan driver default"));
  ASSERT_EQ(run("network create --subnet 10.77.0.0/24 bridged").code, 0);
  EXPECT_THAT(refusal("-d macvlan --subnet 10.77.0.0/24 -o parent=cable0"),
              HasSubstr("Pool overlaps with other one on this address space"));
  run("network rm bridged");
}

/// Whether the kernel has a kind of interface.
bool kernel_has(const std::string& kind, const std::string& more = {}) {
  const bool has = shell("ip link add link cable0 name probe0 type " + kind + " " + more).code == 0;
  if (has) shell("ip link del probe0");
  return has;
}

TEST_P(ParentNetworks, MakeAVlanOnDemand) {
  const Result made = run("network create -d macvlan --subnet 10.78.0.0/24 -o parent=cable0.50 tagged");
  if (!kernel_has("vlan", "id 49")) {
    EXPECT_EQ(made.code, 1);
    EXPECT_THAT(made.err, HasSubstr("failed to create cable0.50 vlan link: operation not supported"));
    EXPECT_THAT(made.err, HasSubstr("module 8021q"));
    return;
  }
  ASSERT_EQ(made.code, 0) << made.err;
  shell(
      "ip -n far link add link cable1 name cable1.50 type vlan id 50; ip -n far link set cable1.50 up;"
      "ip -n far addr add 10.78.0.200/24 dev cable1.50");
  EXPECT_EQ(run("run --rm --network tagged busybox ping -c 1 -W 2 10.78.0.200").code, 0);
  run("network rm tagged");
  EXPECT_EQ(shell("ip link show cable0.50").out, "");
}

TEST_P(ParentNetworks, ShareTheParentsAddressWithIpvlan) {
  const std::string create = "network create -d ipvlan --subnet 10.77.0.0/24 -o parent=cable0 ";
  const Result made = run(create + "lan");
  if (!kernel_has("ipvlan")) {
    EXPECT_EQ(made.code, 1);
    EXPECT_THAT(made.err, HasSubstr("failed to create the ipvlan port: operation not supported"));
    EXPECT_THAT(made.err, HasSubstr("module ipvlan"));
    return;
  }
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 2 10.77.0.200").code, 0);
  EXPECT_THAT(run("run --rm --network lan --mac-address 02:42:00:00:00:05 busybox true").err,
              HasSubstr("ipvlan interfaces do not support custom mac address assignment"));
  run("network rm lan");
  for (const char* mode : {"l3", "l3s"}) {
    ASSERT_EQ(run(create + "-o ipvlan_mode=" + mode + " lan").code, 0);
    EXPECT_THAT(run("run --rm --network lan busybox ip route").line(), StartsWith("default dev eth0"));
    run("network rm lan");
  }
}

}  // namespace
}  // namespace gantry::e2e
