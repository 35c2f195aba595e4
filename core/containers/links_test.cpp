#include "containers/links.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::containers {
namespace {

using ::testing::ElementsAre;

Container linked_container() {
  Container container;
  container.name = "db";
  container.state = State::running;
  container.config.hostname = "0123456789ab";
  container.last_endpoints["bridge"].ip_address = "172.17.0.2";
  return container;
}

TEST(Links, ComeInThreeForms) {
  EXPECT_EQ(parse_link("db").alias, "db");
  EXPECT_EQ(parse_link("db:other").target, "db");
  EXPECT_EQ(parse_link("db:other").alias, "other");
  EXPECT_EQ(parse_link("/db:/web/other").target, "db");
  EXPECT_EQ(parse_link("/db:/web/other").alias, "other");
  EXPECT_THROW(parse_link("a:b:c"), Error);
  EXPECT_THROW(parse_link(""), Error);
}

TEST(Links, TellOfPortsInOrderAndOfRanges) {
  Container db = linked_container();
  db.config.exposed_ports = {"81/tcp", "80/tcp", "53/udp"};
  EXPECT_THAT(
      link_environment("web", "the-db", db),
      ElementsAre("THE_DB_PORT=tcp://172.17.0.2:80", "THE_DB_PORT_80_TCP_START=tcp://172.17.0.2:80",
                  "THE_DB_PORT_80_TCP_END=tcp://172.17.0.2:81", "THE_DB_PORT_80_TCP_PORT_START=80",
                  "THE_DB_PORT_80_TCP_PORT_END=81", "THE_DB_PORT_80_TCP=tcp://172.17.0.2:80",
                  "THE_DB_PORT_80_TCP_ADDR=172.17.0.2", "THE_DB_PORT_80_TCP_PORT=80", "THE_DB_PORT_80_TCP_PROTO=tcp",
                  "THE_DB_PORT_81_TCP=tcp://172.17.0.2:81", "THE_DB_PORT_81_TCP_ADDR=172.17.0.2",
                  "THE_DB_PORT_81_TCP_PORT=81", "THE_DB_PORT_81_TCP_PROTO=tcp",
                  "THE_DB_PORT_53_UDP=udp://172.17.0.2:53", "THE_DB_PORT_53_UDP_ADDR=172.17.0.2",
                  "THE_DB_PORT_53_UDP_PORT=53", "THE_DB_PORT_53_UDP_PROTO=udp", "THE_DB_NAME=/web/the-db"));
}

TEST(Links, PassTheVariablesOn) {
  Container db = linked_container();
  db.config.env = {"PATH=/bin", "HOME=/", "A=b=c", "bare"};
  EXPECT_THAT(link_environment("web", "db", db), ElementsAre("DB_NAME=/web/db", "DB_ENV_A=b=c"));
}

TEST(Links, FollowAnAddress) {
  EXPECT_EQ(
      with_link_address("127.0.0.1\tlocalhost\n172.17.0.2\tdb 0123 x\n172.17.0.3\tdbs\n8.8.8.8\tx db\n1.1.1.1 db\n",
                        "db", "172.17.0.9"),
      "127.0.0.1\tlocalhost\n172.17.0.9\tdb 0123 x\n172.17.0.3\tdbs\n8.8.8.8\tx db\n1.1.1.1 db\n");
  EXPECT_EQ(with_link_address("172.17.0.2\tdb", "db", "172.17.0.9"), "172.17.0.9\tdb\n");
}

TEST(Links, NameTheHostOnce) {
  EXPECT_EQ(link_line("x", linked_container()), "172.17.0.2 x 0123456789ab db");
  EXPECT_EQ(link_line("db", linked_container()), "172.17.0.2 db 0123456789ab");
}

}  // namespace
}  // namespace gantry::containers
