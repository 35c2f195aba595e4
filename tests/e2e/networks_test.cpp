// Networks: the default bridge, user-defined ones, names, published ports, host and none.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Networks : public BothClients {};
INSTANTIATE_TEST_SUITE_P(By, Networks, ::testing::Values("gantry", "docker"), client_name);

// A one-line HTTP server.
constexpr const char* kServer = "busybox sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www'";

// Busybox serves no datagrams: a server in a container's network, and a client that asks until it is answered.
constexpr const char* kDatagramServer =
    "import socket\n"
    "server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "server.bind(('', 53))\n"
    "while True:\n"
    "    data, client = server.recvfrom(64)\n"
    "    server.sendto(data + b' pong', client)\n";
constexpr const char* kDatagramClient =
    "import socket, time\n"
    "client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "client.connect(('127.0.0.1', 9053))\n"
    "client.settimeout(1)\n"
    "for _ in range(20):\n"
    "    try:\n"
    "        client.send(b'ping')\n"
    "        print(client.recv(64).decode())\n"
    "        break\n"
    "    except OSError:\n"
    "        time.sleep(0.1)\n";

std::string fetch(const std::string& url) {
  return shell("curl -s --retry 30 --retry-connrefused --retry-delay 1 --max-time 20 " + url).out;
}

TEST_P(Networks, GivesAnAddressOnTheDefaultBridge) {
  const Result addresses = run("run --rm busybox ip -4 addr show eth0");
  EXPECT_THAT(addresses.out, HasSubstr("inet 172.17.0."));
  EXPECT_THAT(run("run --rm busybox ip route").line(), StartsWith("default via 172.17.0.1 dev eth0"));
  EXPECT_EQ(run("run --rm busybox ping -c 1 -W 2 172.17.0.1").code, 0);
}

TEST_P(Networks, WritesTheContainersFiles) {
  const Result files = run("run --rm -h box --add-host other:10.1.2.3 busybox sh -c 'cat /etc/hostname /etc/hosts'");
  EXPECT_EQ(files.line(), "box");
  EXPECT_THAT(files.out, HasSubstr("127.0.0.1\tlocalhost"));
  EXPECT_THAT(files.out, HasSubstr("10.1.2.3\tother"));
  EXPECT_THAT(files.out, HasSubstr("\tbox"));
  EXPECT_THAT(run("run --rm --dns 9.9.9.9 busybox cat /etc/resolv.conf").out, HasSubstr("nameserver 9.9.9.9"));
}

TEST_P(Networks, PublishesPorts) {
  run(std::string{"run -d --name web -p 8080:80 "} + kServer);
  EXPECT_EQ(fetch("http://127.0.0.1:8080"), "served\n");
  EXPECT_EQ(fetch("http://172.17.0.1:8080"), "served\n");
  const Result other = run("run --rm busybox wget -q -O - http://172.17.0.1:8080");
  EXPECT_EQ(other.out, "served\n") << other.err;
  EXPECT_EQ(run("exec web wget -q -O - http://172.17.0.1:8080").out, "served\n");
  const Result taken = run(std::string{"run -d --name late -p 8080:80 "} + kServer);
  EXPECT_EQ(taken.code, 125);
  EXPECT_THAT(taken.err, HasSubstr("Bind for 0.0.0.0:8080 failed: port is already allocated"));
  run("rm -f web");
  EXPECT_EQ(run("start late").code, 0);
  EXPECT_EQ(fetch("http://127.0.0.1:8080"), "served\n");
}

TEST_P(Networks, PublishesUdpAndChoosesPorts) {
  run("run -d --name udp -p 127.0.0.1:9053:53/udp busybox sleep 1000");
  const Background server("exec nsenter --net=/proc/" + daemon->inspect("udp", "/State/Pid").dump() +
                              "/ns/net python3 -c \"" + kDatagramServer + "\"",
                          {}, false);
  const std::string port =
      run(std::string{"run -d --name any -P --expose 80 "} + kServer).code == 0 ? run("port any 80").line() : "";
  EXPECT_THAT(port, StartsWith("0.0.0.0:"));
  EXPECT_EQ(fetch("http://127.0.0.1:" + port.substr(port.rfind(':') + 1)), "served\n");
  EXPECT_EQ(run("port udp").line(), "53/udp -> 127.0.0.1:9053");
  EXPECT_EQ(shell(std::string{"python3 -c \""} + kDatagramClient + "\"").line(), "ping pong");
}

// The container's first acts: what it is allowed is open by then, and what it is not is closed.
TEST_P(Networks, HaveTheirRulesBeforeTheProcessRuns) {
  const std::string own_port =
      " busybox sh -c 'mkdir /www; echo served >/www/index.html; httpd -p 80 -h /www; "
      "timeout 5 wget -q -O - http://172.17.0.1:8080'";
  EXPECT_NE(run("run --rm" + own_port).out, "served\n") << "nothing is published";
  run("network create open");
  run("network create -o com.docker.network.bridge.enable_icc=false -o gantry.anti-spoofing=true closed");
  for (const std::string network : {"open", "closed"}) {
    run("run -d --name near --network " + network + " busybox sleep 1000");
    const std::string address = daemon->inspect("near", "/NetworkSettings/Networks/" + network + "/IPAddress");
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(run("run --rm -p 8080:80" + own_port).out, "served\n") << "run " << i;
      const int reached = run("run --rm --network " + network + " busybox ping -c 1 -W 1 " + address).code;
      EXPECT_EQ(reached == 0, network == "open") << "run " << i;
    }
    run("rm -f near");
  }
  EXPECT_EQ(run("network rm open closed").code, 0);
}

TEST_P(Networks, ResolvesNamesOnUserDefinedNetworks) {
  EXPECT_EQ(run("network create mesh").code, 0);
  run(std::string{"run -d --name server --network mesh --network-alias alias "} + kServer);
  await_server("server");
  EXPECT_EQ(run("run --rm --network mesh busybox wget -q -O - http://server").out, "served\n");
  EXPECT_EQ(run("run --rm --network mesh busybox wget -q -O - http://alias").out, "served\n");
  EXPECT_THAT(run("run --rm --network mesh busybox cat /etc/resolv.conf").out, HasSubstr("nameserver 127.0.0.11"));
  EXPECT_NE(run("run --rm --network mesh busybox wget -q -O - http://nobody").code, 0);
  const Result in_use = run("network rm mesh");
  EXPECT_EQ(in_use.code, 1);
  EXPECT_THAT(in_use.err, HasSubstr("has active endpoints"));
  run("rm -f server");
  EXPECT_EQ(run("network rm mesh").line(), "mesh");
}

TEST_P(Networks, TellsTheNewNameOfWhatWasRenamed) {
  run("network create renames");
  const std::string id = run("run -d --name web --network renames --network-alias site busybox sleep 1000").line();
  run("rename web webx");
  const std::string names = "inspect -f '{{json .NetworkSettings.Networks.renames.DNSNames}}' webx";
  EXPECT_EQ(run(names).line(), R"(["webx","site",")" + id.substr(0, 12) + R"("])");
  // One that has no network of its own has no such names.
  run("run -d --name guest --network container:webx busybox sleep 1000");
  EXPECT_EQ(run("rename guest guest2").code, 0);
  EXPECT_EQ(run("exec guest2 nslookup webx").code, 0);
  run("rm -f guest2 webx");
  run("network rm renames");
}

TEST_P(Networks, ConnectsAndDisconnectsWhileRunning) {
  run("network create extra");
  run("run -d --name joined busybox sleep 1000");
  EXPECT_EQ(run("network connect --alias j extra joined").code, 0);
  EXPECT_EQ(run("exec joined ip link show eth1").code, 0);
  EXPECT_EQ(run("run --rm --network extra busybox ping -c 1 -W 2 j").code, 0);
  EXPECT_EQ(run("network disconnect extra joined").code, 0);
  // The driver takes the interface away behind the answer: that costs the kernel a grace period.
  EXPECT_EQ(run("exec joined timeout 10 sh -c 'while ip link show eth1 >/dev/null 2>&1; do :; done'").code, 0);
  EXPECT_EQ(run("network rm extra").code, 0);
}

TEST_P(Networks, ResolvesHostnames) {
  run("network create hosts");
  run("network create more");
  const auto asked = [this](const std::string& network, const std::string& name) {
    return run("run --rm --network " + network + " busybox nslookup -type=a " + name + " 127.0.0.11").out;
  };
  const auto address = [this](const std::string& container, const std::string& network) {
    const auto found = daemon->inspect(container, "/NetworkSettings/Networks/" + network + "/IPAddress");
    return "Address: " + found.get<std::string>() + "\n";
  };
  run("run -d --name one --network hosts --hostname Web.example.hosts busybox sleep 1000");
  run("run -d --name two --network hosts --hostname twin busybox sleep 1000");
  run("run -d --name three --network hosts --hostname twin busybox sleep 1000");
  run("network connect more one");
  EXPECT_THAT(daemon->inspect("one", "/NetworkSettings/Networks/hosts/DNSNames").dump(),
              HasSubstr("Web.example.hosts"));
  EXPECT_THAT(asked("hosts", "web.example.hosts"), HasSubstr(address("one", "hosts")));
  EXPECT_THAT(asked("hosts", "web.example.hosts.hosts"), HasSubstr(address("one", "hosts")));
  EXPECT_THAT(asked("more", "web.example.hosts"), HasSubstr(address("one", "more")));
  for (const char* name : {"twin", "twin.hosts"}) {
    const std::string both = asked("hosts", name);
    EXPECT_THAT(both, HasSubstr(address("two", "hosts")));
    EXPECT_THAT(both, HasSubstr(address("three", "hosts")));
  }
  EXPECT_THAT(asked("more", "twin"), Not(HasSubstr(address("two", "hosts")))) << "it is not on that network";
  run("rm -f one two three");
  EXPECT_EQ(run("network rm hosts more").code, 0);
}

// A proxy asks for a name once and keeps the address.
TEST_P(Networks, KeepsTheAddressOverRestarts) {
  run("network create kept");
  for (const std::string network : {"kept", "bridge"}) {
    const std::string place = "/NetworkSettings/Networks/" + network + "/IPAddress";
    run("run -d --name web --network " + network + " busybox sleep 1000");
    const auto first = daemon->inspect("web", place);
    EXPECT_NE(first, "");
    for (int i = 0; i < 20; ++i) {
      if (i % 2 == 0) {
        EXPECT_EQ(run("restart -t 0 web").code, 0);
      } else {
        EXPECT_EQ(run("kill web").code, 0);
        EXPECT_EQ(run("wait web").line(), "137");
        EXPECT_EQ(run("start web").code, 0);
      }
      ASSERT_EQ(daemon->inspect("web", place), first) << "after restart " << i;
    }
    run("rm -f web");
  }
  EXPECT_EQ(run("network rm kept").code, 0);
}

TEST_P(Networks, KeepsNetworksApart) {
  run("network create left");
  run("network create right");
  run("run -d --name alone --network left busybox sleep 1000");
  const std::string address = daemon->inspect("alone", "/NetworkSettings/Networks/left/IPAddress");
  EXPECT_NE(run("run --rm --network right busybox ping -c 1 -W 1 " + address).code, 0);
  run("rm -f alone");
  run("network rm left right");
}

TEST_P(Networks, TakesTheBridgesOptions) {
  const std::string option = " -o com.docker.network.";
  EXPECT_EQ(run("network create" + option + "bridge.name=named0" + option + "driver.mtu=1400" + option +
                "container_iface_prefix=lan named")
                .code,
            0);
  EXPECT_EQ(shell("ip link show named0").code, 0);
  EXPECT_THAT(run("run --rm --network named busybox ip link show lan0").out, HasSubstr("mtu 1400"));
  EXPECT_THAT(run("network create" + option + "bridge.name=named0 again").err,
              HasSubstr("networks have same bridge name"));
  run("network rm named");
  EXPECT_THAT(
      run("network create" + option + "bridge.gateway_mode_ipv4=tunnel wrong").err,
      HasSubstr("failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: tunnel (unknown gateway mode "
                "tunnel)"));
  EXPECT_THAT(run("network create" + option + "bridge.enable_icc=maybe wrong").err,
              HasSubstr("failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "
                        "\"maybe\": invalid syntax)"));
}

// As libnetwork: those with both families, then by name, internal ones at the end.
TEST_P(Networks, NumbersInterfacesInDockersOrder) {
  run("network create --internal --subnet 10.91.0.0/24 aa");
  run("network create --subnet 10.92.0.0/24 bb");
  run("network create --ipv6 --subnet 10.93.0.0/24 --subnet fd93::/64 cc");
  run("create --name several --network aa busybox sleep 1000");
  run("network connect bb several");
  run("network connect cc several");
  run("start several");
  const std::string addresses = run("exec several ip -o -4 addr").out;
  EXPECT_THAT(addresses, ::testing::ContainsRegex("eth0 +inet 10.93"));
  EXPECT_THAT(addresses, ::testing::ContainsRegex("eth1 +inet 10.92"));
  EXPECT_THAT(addresses, ::testing::ContainsRegex("eth2 +inet 10.91"));
  EXPECT_THAT(run("exec several ip route").out, HasSubstr("default via 10.93.0.1 dev eth0"));
  run("rm -f several");
  EXPECT_EQ(run("network rm aa bb cc").code, 0);
}

TEST_P(Networks, NamesAnInterfaceAsAsked) {
  const std::string name = "driver-opt=com.docker.network.endpoint.ifname=";
  EXPECT_EQ(run("run --rm --network name=bridge," + name + "wan7 busybox ip link show wan7").code, 0);
  const Result wrong = run("run --rm --network name=bridge," + name + "a/b busybox true");
  EXPECT_EQ(wrong.code, 125);
  EXPECT_THAT(wrong.err, HasSubstr("invalid interface name \"a/b\""));
}

TEST_P(Networks, RoutesPortsWithoutTranslation) {
  run("network create -o com.docker.network.bridge.gateway_mode_ipv4=routed routed");
  run(std::string{"run -d --name web -p 8080:80 --network routed "} + kServer);
  EXPECT_EQ(daemon->inspect("web", "/NetworkSettings/Ports/80~1tcp"),
            nlohmann::json::parse(R"([{"HostIp": "0.0.0.0", "HostPort": ""}])"));
  const std::string address = daemon->inspect("web", "/NetworkSettings/Networks/routed/IPAddress");
  await_server("web");
  EXPECT_EQ(run("run --rm busybox wget -q -O - http://" + address).out, "served\n") << "from another network";
  EXPECT_NE(shell("curl -s --max-time 2 http://127.0.0.1:8080").code, 0);
  EXPECT_THAT(run("ps").out, HasSubstr("80/tcp"));
  run("rm -f web");
  run("network rm routed");
}

TEST_P(Networks, KeepsAnIsolatedNetworkFromTheHost) {
  const std::string mode = "-o com.docker.network.bridge.gateway_mode_ipv4=isolated ";
  EXPECT_THAT(run("network create " + mode + "alone").err,
              HasSubstr("gateway mode 'isolated' can only be used for an internal network"));
  EXPECT_EQ(run("network create --internal " + mode + "-o com.docker.network.bridge.name=alone0 alone").code, 0);
  EXPECT_EQ(shell("ip -4 -o addr show alone0").out, "");
  run(std::string{"run -d --name web --network alone "} + kServer);
  await_server("web");
  EXPECT_EQ(run("run --rm --network alone busybox wget -q -O - http://web").out, "served\n");
  run("rm -f web");
  run("network rm alone");
}

TEST_P(Networks, HasHostAndNone) {
  EXPECT_NE(run("run --rm --network none busybox ip link show eth0").code, 0);
  EXPECT_THAT(run("run --rm --network none busybox ip link show lo").out, HasSubstr("UP"));
  EXPECT_EQ(run("run --rm --network host busybox readlink /proc/self/ns/net").line(),
            shell("readlink /proc/self/ns/net").line());
  EXPECT_EQ(run("run -d --name shared busybox sleep 1000").code, 0);
  EXPECT_EQ(run("run --rm --network container:shared busybox ip -4 -o addr show eth0").out,
            run("exec shared ip -4 -o addr show eth0").out);
}

TEST_P(Networks, RefusesWhatItMust) {
  EXPECT_THAT(run("network rm bridge").err, HasSubstr("bridge is a pre-defined network and cannot be removed"));
  run("network create twice");
  EXPECT_THAT(run("network create twice").err, HasSubstr("network with name twice already exists"));
  run("network rm twice");
  EXPECT_THAT(run("run --rm --network nowhere busybox true").err, HasSubstr("network nowhere not found"));
  EXPECT_THAT(run("network create -d nodriver x").err, HasSubstr("nodriver"));
}

}  // namespace
}  // namespace gantry::e2e
