#include "api/as_of.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gantry::api {
namespace {

using Json = nlohmann::ordered_json;

Json details() {
  return Json::parse(R"({"HostConfig":{"KernelMemoryTCP":0},"Config":{"OnBuild":null,"MacAddress":""},
    "NetworkSettings":{"Bridge":"","IPAddress":"172.17.0.2","SandboxID":"x","Ports":{},
      "Networks":{"bridge":{"GwPriority":0,"Aliases":null},"mine":{"GwPriority":0,"Aliases":null}}}})");
}

TEST(AsOf, ContainersOfOldVersions) {
  Json old = details();
  show_container_as_of({1, 44}, old, std::string(64, 'a'));
  EXPECT_EQ(old["NetworkSettings"]["Networks"]["mine"], Json::parse(R"({"Aliases":["aaaaaaaaaaaa"]})"));
  EXPECT_EQ(old["NetworkSettings"]["Networks"]["bridge"], Json::parse(R"({"Aliases":null})"));
  EXPECT_TRUE(old["NetworkSettings"].contains("IPAddress"));
  for (const auto& [hostname, aliases] :
       {std::pair{"web", R"(["aaaaaaaaaaaa","web"])"}, {"aaaaaaaaaaaa", R"(["aaaaaaaaaaaa"])"}}) {
    Json named = details();
    named["Config"]["Hostname"] = hostname;
    show_container_as_of({1, 44}, named, std::string(64, 'a'));
    EXPECT_EQ(named["NetworkSettings"]["Networks"]["mine"]["Aliases"], Json::parse(aliases));
  }
}

TEST(AsOf, ContainersOfNewVersions) {
  Json present = details();
  show_container_as_of({1, 51}, present, "a");
  EXPECT_EQ(present, details());
  show_container_as_of({1, 52}, present, "a");
  EXPECT_EQ(present, Json::parse(R"({"HostConfig":{},"Config":{},"NetworkSettings":{"SandboxID":"x","Ports":{},
      "Networks":{"bridge":{"GwPriority":0,"Aliases":null},"mine":{"GwPriority":0,"Aliases":null}}}})"));
}

TEST(AsOf, TheHealthInLists) {
  const Json now = Json::parse(R"({"Health":{"Status":"none"},"NetworkSettings":{"Networks":{}}})");
  Json summary = now;
  show_summary_as_of({1, 52}, summary);
  EXPECT_EQ(summary, now);
  show_summary_as_of({1, 51}, summary);
  EXPECT_FALSE(summary.contains("Health"));
}

TEST(AsOf, Info) {
  const Json now = Json::parse(R"({"SecurityOptions":["name=apparmor","name=seccomp,profile=builtin"],
    "BridgeNfIptables":false,"FirewallBackend":{"Driver":"nftables"},"DiscoveredDevices":[],"RegistryConfig":{"AllowNondistributableArtifactsCIDRs":null},
    "ContainerdCommit":{"ID":"","Expected":""},"RuncCommit":{},"InitCommit":{}})");
  Json oldest = now;
  show_info_as_of({1, 24}, oldest);
  EXPECT_EQ(oldest["SecurityOptions"], Json::parse(R"(["apparmor","seccomp"])"));
  EXPECT_TRUE(oldest.contains("ExecutionDriver"));
  EXPECT_TRUE(oldest.contains("KernelMemory"));
  EXPECT_FALSE(oldest.contains("FirewallBackend"));
  EXPECT_FALSE(oldest.contains("DiscoveredDevices"));
  Json newest = now;
  EXPECT_TRUE(newest.contains("FirewallBackend"));
  EXPECT_TRUE(newest.contains("DiscoveredDevices"));
  show_info_as_of({1, 56}, newest);
  EXPECT_EQ(newest["SecurityOptions"], now["SecurityOptions"]);
  for (const char* gone : {"ExecutionDriver", "KernelMemory", "KernelMemoryTCP", "BridgeNfIptables"}) {
    EXPECT_FALSE(newest.contains(gone)) << gone;
  }
  EXPECT_TRUE(newest["RegistryConfig"].empty());
  EXPECT_FALSE(newest["ContainerdCommit"].contains("Expected"));
}

TEST(AsOf, ImagesLeaveOutWhatIsBlank) {
  auto image = nlohmann::json::parse(
      R"({"Parent":"","Comment":"c","Config":{"Hostname":"","Cmd":["sh"],"Env":null,"Labels":{},"User":""}})");
  show_image_as_of({1, 51}, image);
  EXPECT_TRUE(image.contains("Parent"));
  EXPECT_FALSE(image["Config"].contains("Hostname"));
  show_image_as_of({1, 52}, image);
  EXPECT_EQ(image, nlohmann::json::parse(R"({"Comment":"c","Config":{"Cmd":["sh"]}})"));
}

TEST(AsOf, EventsWithoutTheirOldMembers) {
  Json event = Json::parse(R"({"status":"start","id":"x","from":"i","Type":"container","Action":"start"})");
  show_event_as_of({1, 51}, event);
  EXPECT_EQ(event.size(), 5U);
  show_event_as_of({1, 52}, event);
  EXPECT_EQ(event, Json::parse(R"({"Type":"container","Action":"start"})"));
}

TEST(AsOf, DiskUsageByKind) {
  const auto then = nlohmann::json::parse(R"({"LayersSize":100,
    "Images":[{"Size":60,"Containers":1},{"Size":80,"Containers":0}],
    "Containers":[{"SizeRw":5,"State":"running"},{"SizeRw":7,"State":"exited"},{"State":"created"}],
    "Volumes":[{"UsageData":{"Size":-1,"RefCount":1}},{"UsageData":{"Size":9,"RefCount":0}}],"BuildCache":[]})");
  auto usage = then;
  show_disk_usage_as_of({1, 51}, false, usage);
  EXPECT_EQ(usage, then);
  show_disk_usage_as_of({1, 52}, false, usage);
  EXPECT_TRUE(usage.contains("Images"));
  const auto images = nlohmann::json::parse(R"({"ActiveCount":1,"TotalCount":2,"Reclaimable":40,"TotalSize":100})");
  EXPECT_EQ(usage["ImageUsage"], images);
  EXPECT_EQ(usage["ContainerUsage"],
            nlohmann::json::parse(R"({"ActiveCount":1,"TotalCount":3,"Reclaimable":7,"TotalSize":12})"));
  EXPECT_EQ(usage["VolumeUsage"],
            nlohmann::json::parse(R"({"ActiveCount":1,"TotalCount":2,"Reclaimable":9,"TotalSize":9})"));
  usage = then;
  show_disk_usage_as_of({1, 56}, true, usage);
  EXPECT_FALSE(usage.contains("Images"));
  EXPECT_EQ(usage["ImageUsage"]["Items"], then["Images"]);
  auto part = nlohmann::json::parse(R"({"LayersSize":0,"Images":null,"Containers":null,"Volumes":[],"BuildCache":[]})");
  show_disk_usage_as_of({1, 56}, false, part);
  EXPECT_FALSE(part.contains("ImageUsage"));
}

}  // namespace
}  // namespace gantry::api
