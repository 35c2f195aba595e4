#include "containers/edit_ports.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;

Container published(wire::PortMap ports) {
  Container container;
  container.name = "web";
  container.host_config.network_mode = "bridge";
  container.host_config.port_bindings = std::move(ports);
  return container;
}

std::string edit_refusal(Container container, const wire::PortMap& add, const wire::PortMap& remove) {
  try {
    edit_ports(container, add, remove);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(EditPorts, AddsBesideWhatIsThere) {
  Container web = published({{"80/tcp", {{"", "8080"}}}});
  edit_ports(web, {{"80/tcp", {{"127.0.0.1", "8081"}}}, {"53/udp", {}}}, {});
  EXPECT_EQ(web.host_config.port_bindings["80/tcp"].size(), 2U);
  EXPECT_EQ(web.host_config.port_bindings["53/udp"].size(), 1U);
  EXPECT_THAT(web.config.exposed_ports, ElementsAre("53/udp", "80/tcp"));
  EXPECT_EQ(edit_refusal(web, {{"80", {{"", "8080"}}}}, {}), "port 8080->80/tcp is published already");
}

TEST(EditPorts, RemovesOneBindingOrAll) {
  const wire::PortMap ports{{"80/tcp", {{"", "8080"}, {"127.0.0.1", "8081"}}}};
  Container web = published(ports);
  edit_ports(web, {}, {{"80/tcp", {{"", "8081"}}}});
  EXPECT_THAT(web.host_config.port_bindings["80/tcp"], ElementsAre(wire::PortBinding{"", "8080"}));
  web = published(ports);
  edit_ports(web, {}, {{"80", {}}});
  EXPECT_THAT(web.host_config.port_bindings, IsEmpty());
  EXPECT_EQ(edit_refusal(published(ports), {}, {{"80/tcp", {{"", "9"}}}}), "port 9->80/tcp is not published");
  EXPECT_EQ(edit_refusal(published(ports), {}, {{"80/udp", {}}}), "port 80/udp is not published");
}

TEST(EditPorts, ReplacesABindingInOneGo) {
  Container web = published({{"80/tcp", {{"", "8080"}}}});
  edit_ports(web, {{"80/tcp", {{"", "8080"}}}}, {{"80/tcp", {}}});
  EXPECT_EQ(web.host_config.port_bindings["80/tcp"].size(), 1U);
}

TEST(EditPorts, SpellsOutAllExposedPorts) {
  Container web = published({});
  web.host_config.publish_all_ports = true;
  web.config.exposed_ports = {"80/tcp", "90/tcp"};
  edit_ports(web, {}, {{"80/tcp", {}}});
  EXPECT_FALSE(web.host_config.publish_all_ports);
  EXPECT_THAT(web.host_config.port_bindings, ElementsAre(Key("90/tcp")));
}

TEST(EditPorts, RefusesNetworksThatPublishNothing) {
  Container web = published({});
  web.host_config.network_mode = "host";
  EXPECT_EQ(edit_refusal(web, {{"80", {}}}, {}), "container web publishes no ports: its network mode is host");
  EXPECT_EQ(edit_refusal(published({}), {{"eighty", {}}}, {}), "invalid port specification: \"eighty\"");
}

}  // namespace
}  // namespace gantry::containers
