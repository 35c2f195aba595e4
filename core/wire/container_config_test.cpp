#include "wire/container_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::wire {
namespace {

using ::testing::ElementsAre;

CreateBody parse(const std::string& text) {
  CreateBody body;
  from_json(nlohmann::json::parse(text), body);
  return body;
}

TEST(ContainerConfig, ReadsWhatTheDockerClientSends) {
  const CreateBody body = parse(R"({"Image":"busybox","Cmd":["true"],"Entrypoint":null,"ExposedPorts":{"80/tcp":{}},
      "StopTimeout":3,"HostConfig":{"Memory":64,"PidsLimit":50,"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},
      "Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"NoCopy":true}}],"ConsoleSize":[24,80],"Init":null},
      "NetworkingConfig":{"EndpointsConfig":{"net":{"Aliases":["a"],"IPAMConfig":{"IPv4Address":"10.0.0.2"}}}}})");
  EXPECT_THAT(*body.config.cmd, ElementsAre("true"));
  EXPECT_FALSE(body.config.entrypoint);
  EXPECT_EQ(body.config.stop_timeout, 3);
  EXPECT_EQ(body.host_config.resources.memory, 64);
  EXPECT_EQ(body.host_config.resources.pids_limit, 50);
  EXPECT_EQ(body.host_config.port_bindings.at("80/tcp").at(0).host_port, "8080");
  EXPECT_TRUE(body.host_config.mounts.at(0).volume->no_copy);
  EXPECT_EQ(body.endpoints.at("net").ipam->ipv4_address, "10.0.0.2");
}

TEST(ContainerConfig, RoundTrips) {
  CreateBody body = parse(
      R"({"Image":"i","Cmd":"one","HostConfig":{"Binds":["/a:/b"],"Ulimits":[{"Name":"nofile","Soft":1,"Hard":2}]}})");
  const auto text = to_json(body).dump();
  EXPECT_EQ(to_json(parse(text)).dump(), text);
}

TEST(ContainerConfig, ShowsWhatIsEmptyAsDockerdDoes) {
  const auto out = to_json(CreateBody{});
  EXPECT_TRUE(out["Env"].is_null());
  EXPECT_FALSE(out.contains("Healthcheck"));
  EXPECT_TRUE(out["HostConfig"]["PortBindings"].is_null());
  EXPECT_TRUE(out["HostConfig"]["Devices"].is_null());
  const auto given = to_json(parse(R"({"HostConfig":{"PortBindings":{},"Devices":[],"Binds":[],"CapAdd":null}})"));
  EXPECT_EQ(given["HostConfig"]["PortBindings"], nlohmann::ordered_json::object());
  EXPECT_EQ(given["HostConfig"]["Devices"], nlohmann::ordered_json::array());
  EXPECT_EQ(given["HostConfig"]["Binds"], nlohmann::ordered_json::array());
  EXPECT_TRUE(given["HostConfig"]["CapAdd"].is_null());
}

TEST(ContainerConfig, RefusesWrongTypes) {
  EXPECT_THROW(parse(R"({"Env":"A=b"})"), Error);
  EXPECT_THROW(parse(R"({"HostConfig":{"Memory":"64m"}})"), Error);
  EXPECT_THROW(parse(R"({"HostConfig":{"BlkioWeight":70000}})"), Error);
  EXPECT_THROW(parse("[]"), Error);
}

}  // namespace
}  // namespace gantry::wire
