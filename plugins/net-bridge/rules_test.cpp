// The rules in the kernel, and what others do to them.

#include <chrono>

#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

TEST_F(BridgeDriver, PortsWorkWithoutBrNetfilterToo) {
  if (!write_sysctl("bridge/bridge-nf-call-iptables", "0"))
    GTEST_SKIP() << "br_netfilter is not loaded: the other test did";
  create('a');
  Sandbox web;
  Sandbox neighbour;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), web);
  attach(endpoint('a', '2'), neighbour);
  Server server(web.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  EXPECT_TRUE(ask(neighbour.netns(), "tcp", "172.17.0.1", 8080));
  EXPECT_TRUE(ask(web.netns(), "tcp", "172.17.0.1", 8080));
  EXPECT_TRUE(ask(neighbour.netns(), "tcp", "172.17.0.2", 80));
  write_sysctl("bridge/bridge-nf-call-iptables", "1");
}

}  // namespace
}  // namespace gantry::bridge
