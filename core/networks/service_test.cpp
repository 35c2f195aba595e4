#include "networks/service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <string_view>

#include "networks/impl.hpp"
#include "networks/networks_fixture.hpp"

namespace gantry::networks {
namespace {

/// As if the daemon had ended before the endpoint was on record, with the driver at work on it.
void forget_endpoint(const std::filesystem::path& database, const std::string& id) {
  state::Store store(database);
  state::Table<Endpoint> endpoints(store, "endpoints");
  store.update([&](state::Transaction& transaction) { endpoints.erase(transaction, id); });
}

/// All but lo.
std::vector<std::string> interfaces_in(int netns) {
  std::vector<std::string> names;
  std::thread([&] {
    if (::setns(netns, CLONE_NEWNET) != 0) return;
    struct if_nameindex* all = ::if_nameindex();
    for (const auto* one = all; one != nullptr && one->if_index != 0; ++one) {
      if (std::string_view(one->if_name) != "lo") names.emplace_back(one->if_name);
    }
    ::if_freenameindex(all);
  }).join();
  return names;
}

TEST_F(NetworksTest, HasThePredefinedOnes) {
  EXPECT_EQ(service_->get("bridge")->interface, "gantry0");
  EXPECT_EQ(service_->get("bridge")->chosen.at(0).subnet, "172.17.0.0/16");
  EXPECT_EQ(service_->get("host")->driver, "host");
  EXPECT_EQ(service_->get("none")->driver, "null");
  const std::string id = service_->get("bridge")->id;
  EXPECT_EQ(service_->get(id.substr(0, 12))->name, "bridge");
  close();
  open();
  EXPECT_EQ(service_->get("bridge")->id, id);
  EXPECT_THROW(run(service_->remove("bridge")), Error);
}

TEST_F(NetworksTest, RefusesInDockerdsWords) {
  create("net");
  NetworkRequest request;
  request.name = "net";
  EXPECT_EQ(failure(service_->create(request)), "network with name net already exists");
  request.name = "host";
  EXPECT_EQ(failure(service_->create(request)), "operation is not permitted on predefined host network ");
  request.name = "";
  EXPECT_EQ(failure(service_->create(request)), "invalid name: ");
  request.name = "other";
  request.driver = "nope";
  EXPECT_EQ(failure(service_->create(request)), "plugin \"nope\" not found");
  request.driver = "host";
  EXPECT_EQ(failure(service_->create(request)), "only one instance of \"host\" network is allowed");
  run(service_->remove("net"));
  EXPECT_THROW(static_cast<void>(service_->get("net")), Error);
}

TEST_F(NetworksTest, TheStartOfAnIdMustBeOfOneOnly) {
  // With more networks than there are digits, two ids begin alike.
  std::map<char, int> starts;
  for (int number = 0; number < 17; ++number) {
    NetworkRequest request;
    request.name = "net" + std::to_string(number);
    request.config_only = true;
    ++starts[run(service_->create(request))->id[0]];
  }
  for (const char* name : {"bridge", "host", "none"}) ++starts[service_->get(name)->id[0]];
  for (const auto& [digit, count] : starts) {
    const std::string start(1, digit);
    if (count == 1) {
      EXPECT_EQ(service_->get(start)->id[0], digit);
      continue;
    }
    try {
      static_cast<void>(service_->get(start));
      ADD_FAILURE() << start << " begins " << count << " ids";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(),
                "network " + start + " is ambiguous (" + std::to_string(count) + " matches found based on ID prefix)");
    }
  }
}

TEST_F(NetworksTest, TheGreatestPriorityHasTheDefaultRoute) {
  create("net");
  const UniqueFd sandbox = make_sandbox();
  SandboxRequest asked = request('a', {"bridge", "net"});
  asked.endpoints[1].gateway_priority = 1;
  const Sandbox made = run(service_->attach(asked, sandbox.get()));
  ASSERT_EQ(made.endpoints.size(), 2U);
  EXPECT_EQ(made.endpoints[0].network_name, "net");
  EXPECT_EQ(made.endpoints[0].interface, "eth0");
  EXPECT_TRUE(made.endpoints[0].default_gateway);
  EXPECT_FALSE(made.endpoints[1].default_gateway);
  create("last");
  EndpointRequest more;
  more.network = "last";
  more.gateway_priority = -1;
  EXPECT_FALSE(run(service_->connect(asked, more, sandbox.get())).default_gateway);
  run(service_->disconnect(container_id('a'), "net"));
  const auto left = service_->endpoints(container_id('a'));
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].network_name, "bridge");
  EXPECT_TRUE(left[0].default_gateway) << "the other one's priority is negative";
  run(service_->detach(container_id('a')));
}

TEST_F(NetworksTest, AContainerComesAndGoes) {
  create("net");
  const UniqueFd sandbox = make_sandbox();
  SandboxRequest asked = request('a', {"net"});
  asked.ports = {{"tcp", 80, "", 8080, 0}};
  const Sandbox made = run(service_->attach(asked, sandbox.get()));
  ASSERT_EQ(made.endpoints.size(), 1U);
  EXPECT_EQ(made.endpoints[0].result.ipv4, "172.18.0.2");
  EXPECT_EQ(made.endpoints[0].result.ports.size(), 2U);
  EXPECT_EQ(made.endpoints[0].interface, "eth0");
  EXPECT_TRUE(made.resolver);
  EXPECT_EQ(service_->members(service_->get("net")->id).size(), 1U);
  EXPECT_THROW(run(service_->remove("net")), Error);
  run(service_->detach(container_id('a')));
  run(service_->detach(container_id('a')));
  run(service_->remove("net"));
  EXPECT_THAT(actions(), ::testing::ElementsAre("create net", "connect net", "disconnect net", "destroy net"));
}

TEST_F(NetworksTest, TheDefaultBridgeHasNoResolver) {
  const UniqueFd sandbox = make_sandbox();
  EXPECT_FALSE(run(service_->attach(request('a', {"bridge"}), sandbox.get())).resolver);
  run(service_->detach(container_id('a')));
  const UniqueFd alone = make_sandbox();
  const Sandbox none = run(service_->attach(request('b', {"none"}), alone.get()));
  EXPECT_EQ(none.endpoints.at(0).network_name, "none");
  EXPECT_EQ(none.endpoints.at(0).result.ipv4, "");
  run(service_->detach(container_id('b')));
}

TEST_F(NetworksTest, AFailedAttachLeavesNothing) {
  create("net");
  const UniqueFd one = make_sandbox();
  const UniqueFd two = make_sandbox();
  SandboxRequest asked = request('a', {"net"});
  asked.ports = {{"tcp", 80, "", 8080, 0}};
  run(service_->attach(asked, one.get()));
  SandboxRequest second = request('b', {"bridge", "net"});
  second.ports = asked.ports;
  try {
    run(service_->attach(second, two.get()));
    ADD_FAILURE() << "the port is taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("Bind for 0.0.0.0:8080 failed: port is already allocated"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("endpoint cb ("));
  }
  EXPECT_TRUE(service_->endpoints(container_id('b')).empty());
  SandboxRequest fixed = request('c', {"net"});
  fixed.endpoints[0].ipv4 = "172.18.0.9";
  try {
    run(service_->attach(fixed, two.get()));
    ADD_FAILURE() << "the user has not chosen the subnet";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "invalid endpoint settings:\nuser specified IP address is supported "
                 "only when connecting to networks with user configured subnets");
  }
  run(service_->detach(container_id('a')));
}

TEST_F(NetworksTest, PortsFollowTheDefaultRoute) {
  create("net");
  const UniqueFd sandbox = make_sandbox();
  SandboxRequest asked = request('a', {"net"});
  asked.ports = {{"tcp", 80, "", 8080, 0}};
  run(service_->attach(asked, sandbox.get()));
  EndpointRequest more;
  more.network = "bridge";
  const Endpoint second = run(service_->connect(asked, more, sandbox.get()));
  EXPECT_EQ(second.interface, "eth1");
  // "bridge" comes before "net".
  const auto both = service_->endpoints(container_id('a'));
  EXPECT_FALSE(both.at(0).default_gateway);
  EXPECT_TRUE(both.at(0).result.ports.empty());
  EXPECT_TRUE(both.at(1).default_gateway);
  EXPECT_EQ(both.at(1).result.ports.size(), 2U);
  run(service_->disconnect(container_id('a'), "bridge"));
  const auto left = service_->endpoints(container_id('a'));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_TRUE(left[0].default_gateway);
  EXPECT_EQ(left[0].result.ports.size(), 2U);
  EXPECT_THROW(run(service_->disconnect(container_id('a'), "bridge")), Error);
  run(service_->detach(container_id('a')));
}

TEST_F(NetworksTest, ARestartedDaemonFindsItsContainers) {
  create("net");
  const UniqueFd sandbox = make_sandbox();
  const UniqueFd ended = make_sandbox();
  SandboxRequest asked = request('a', {"net"});
  asked.ports = {{"tcp", 80, "", 0, 0}};
  const Sandbox before = run(service_->attach(asked, sandbox.get()));
  run(service_->attach(request('b', {"net"}), ended.get()));
  close();
  open();
  const Sandbox after = run(service_->adopt(asked, sandbox.get())).sandbox;
  run(service_->reconcile());
  ASSERT_EQ(after.endpoints.size(), 1U);
  EXPECT_EQ(after.endpoints[0].id, before.endpoints[0].id);
  EXPECT_EQ(after.endpoints[0].result.ipv4, before.endpoints[0].result.ipv4);
  EXPECT_EQ(after.endpoints[0].result.ports.at(0).host_port, before.endpoints[0].result.ports.at(0).host_port);
  EXPECT_TRUE(after.resolver);
  EXPECT_EQ(service_->members(service_->get("net")->id).size(), 1U) << "the other one's container is gone";
  run(service_->detach(container_id('a')));
  run(service_->remove("net"));
}

TEST_F(NetworksTest, AHalfDoneConnectIsTakenBack) {
  create("net");
  const UniqueFd sandbox = make_sandbox();
  SandboxRequest asked = request('a', {"net"});
  asked.ports = {{"tcp", 80, "", 0, 0}};
  run(service_->attach(asked, sandbox.get()));
  EndpointRequest more;
  more.network = "bridge";
  run(service_->connect(asked, more, sandbox.get()));
  close();
  open();
  const Adoption adoption = run(service_->adopt(asked, sandbox.get()));
  run(service_->reconcile());
  ASSERT_EQ(adoption.given_up.size(), 1U);
  EXPECT_EQ(adoption.given_up[0].network_name, "bridge");
  EXPECT_FALSE(adoption.given_up[0].result.ipv4.empty());
  ASSERT_EQ(adoption.sandbox.endpoints.size(), 1U);
  EXPECT_TRUE(adoption.sandbox.endpoints[0].default_gateway);
  EXPECT_EQ(adoption.sandbox.endpoints[0].result.ports.size(), 2U);
  EXPECT_TRUE(service_->members(service_->get("bridge")->id).empty());
  close();
  open();
  const Adoption again = run(service_->adopt(asked, sandbox.get()));
  EXPECT_TRUE(again.given_up.empty());
  ASSERT_EQ(again.sandbox.endpoints.size(), 1U);
  EXPECT_TRUE(again.sandbox.endpoints[0].default_gateway);
  run(service_->detach(container_id('a')));
}

TEST_F(NetworksTest, WhatAConnectThatWasCutOffHeldIsFreeBeforeAnybodyIsAdopted) {
  create("net");
  const UniqueFd sandbox = make_sandbox();
  SandboxRequest asked = request('a', {"net"});
  asked.ports = {{"tcp", 80, "", 8080, 0}};
  const Sandbox made = run(service_->attach(asked, sandbox.get()));
  close();
  forget_endpoint(directory_ / "state.db", made.endpoints.at(0).id);
  open();
  const UniqueFd next = make_sandbox();
  asked.container_id = container_id('b');
  EXPECT_EQ(run(service_->attach(asked, next.get())).endpoints.at(0).result.ports.at(0).host_port, 8080);
  run(service_->detach(container_id('b')));
  run(service_->remove("net"));
}

TEST_F(NetworksTest, AFailedAdoptionTakesNothingFromAContainerThatRuns) {
  create("net");
  const UniqueFd sandbox = make_sandbox();
  SandboxRequest asked = request('a', {"net"});
  const Sandbox made = run(service_->attach(asked, sandbox.get()));
  close();
  open();
  constexpr int kNotOpen = 1 << 20;
  EXPECT_THROW(run(service_->adopt(asked, kNotOpen)), Error);
  run(service_->reconcile());
  // Without its namespace, but with a place.
  EXPECT_THROW(run(service_->publish(container_id('a'), {{"tcp", 80, "", 8080, 0}})), Error);
  const auto kept = service_->endpoints(container_id('a'));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].id, made.endpoints.at(0).id);
  EXPECT_FALSE(interfaces_in(sandbox.get()).empty()) << "the driver has given it up";
  run(service_->detach(container_id('a')));
  run(service_->remove("net"));
}

TEST_F(NetworksTest, AContainerThatCouldNotBeAskedForKeepsItsNetworks) {
  create("net");
  const UniqueFd alive = make_sandbox();
  const UniqueFd ended = make_sandbox();
  const Sandbox made = run(service_->attach(request('a', {"net"}), alive.get()));
  run(service_->attach(request('b', {"net"}), ended.get()));
  close();
  open();
  run(service_->reconcile({container_id('a')}));
  // The driver takes links away behind the call, and has done so when it is closed.
  close();
  EXPECT_FALSE(interfaces_in(alive.get()).empty());
  EXPECT_TRUE(interfaces_in(ended.get()).empty());
  open();
  const Adoption adoption = run(service_->adopt(request('a', {"net"}), alive.get()));
  ASSERT_EQ(adoption.sandbox.endpoints.size(), 1U);
  EXPECT_EQ(adoption.sandbox.endpoints[0].id, made.endpoints.at(0).id);
  run(service_->detach(container_id('a')));
  run(service_->remove("net"));
}

TEST_F(NetworksTest, NobodyJoinsANetworkThatIsBeingRemoved) {
  create("net");
  create("other");
  const std::string id = service_->get("net")->id;
  const UniqueFd sandbox = make_sandbox();
  run(service_->attach(request('a', {"other"}), sandbox.get()));
  EndpointRequest asked;
  asked.network = "net";
  std::string refusal;
  int left = 2;
  const auto one_less = [&] {
    if (--left == 0) io_.stop();
  };
  // The removal waits for its driver when the other comes.
  asio::co_spawn(io_, service_->remove("net"), [&](std::exception_ptr error) {
    EXPECT_FALSE(error);
    one_less();
  });
  asio::co_spawn(io_, service_->connect(request('a', {}), asked, sandbox.get()),
                 [&](std::exception_ptr error, Endpoint) {
                   try {
                     if (error) std::rethrow_exception(error);
                   } catch (const Error& refused) {
                     refusal = refused.what();
                   }
                   one_less();
                 });
  io_.restart();
  io_.run();
  EXPECT_EQ(refusal, "network net not found");
  EXPECT_TRUE(service_->members(id).empty());
  EXPECT_EQ(service_->endpoints(container_id('a')).size(), 1U);
  run(service_->detach(container_id('a')));
}

TEST_F(NetworksTest, PruneKeepsWhatIsUsed) {
  create("used");
  create("unused");
  const UniqueFd sandbox = make_sandbox();
  run(service_->attach(request('a', {"used"}), sandbox.get()));
  std::function<bool(const Network&)> all = [](const Network&) { return true; };
  EXPECT_THAT(run(service_->prune(all)), ::testing::ElementsAre("unused"));
  run(service_->detach(container_id('a')));
  EXPECT_THAT(run(service_->prune(all)), ::testing::ElementsAre("used"));
}

}  // namespace
}  // namespace gantry::networks
