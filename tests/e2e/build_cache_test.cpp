// What builds leave behind: how it is told of, freed, and held to a limit.

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kMegabyte = "RUN dd if=/dev/zero of=/big bs=1M count=1\n";

class BuildCache : public BothClients {
 protected:
  static Result build(const std::string& recipe, const std::string& flags = {}) {
    return run("build -q " + flags + " -", recipe);
  }
  static nlohmann::json cache() { return daemon->api("GET", "/v1.45/system/df?type=build-cache")["BuildCache"]; }
  static nlohmann::json prune(const std::string& query = {}) {
    return daemon->api("POST", "/v1.45/build/prune" + query);
  }
  /// Bytes that are only the cache's.
  static std::int64_t own_size() {
    std::int64_t size = 0;
    for (const auto& entry : cache()) size += entry["Shared"] ? 0 : entry["Size"].get<std::int64_t>();
    return size;
  }
  static fs::path mounts() { return daemon->data_root() / "drivers" / "builder-dockerfile" / "cache-mounts"; }
  void TearDown() override {
    if (!IsSkipped()) daemon->cli("image prune -f");
    if (!IsSkipped()) daemon->cli("builder prune -f");
    BothClients::TearDown();
  }
};
INSTANTIATE_TEST_SUITE_P(By, BuildCache, ::testing::Values("gantry", "docker"), client_name);

/// An image of the last stage, and a stage before it that nothing is left of but the cache.
std::string two_stages(const std::string& command) {
  return "FROM busybox AS made\n" + command + "RUN echo small >/small\nFROM busybox\nCOPY --from=made /small /small\n";
}

TEST_P(BuildCache, IsToldOfAsItIs) {
  ASSERT_EQ(build(two_stages(kMegabyte), "-t kept").code, 0);
  const auto entries = cache();
  ASSERT_THAT(entries, SizeIs(2));
  const auto& big = entries[0]["Size"] > entries[1]["Size"] ? entries[0] : entries[1];
  const auto& small = entries[0]["Size"] > entries[1]["Size"] ? entries[1] : entries[0];
  EXPECT_EQ(big["Size"], 1 << 20);
  EXPECT_EQ(big["Type"], "regular");
  EXPECT_THAT(big["Description"].get<std::string>(), HasSubstr("dd if=/dev/zero"));
  EXPECT_EQ(big["UsageCount"], 1);
  EXPECT_EQ(big["InUse"], false);
  EXPECT_EQ(big["Shared"], false);
  EXPECT_EQ(small["Parents"][0], big["ID"]);
  EXPECT_THAT(run("system df").out, HasSubstr("Build Cache     2         0         1.049MB   1.049MB"));
  EXPECT_THAT(run("system df -v").out, HasSubstr("regular      1.05MB"));
  const auto images = daemon->api("GET", "/v1.45/system/df?type=image");
  EXPECT_LT(images["LayersSize"], 3 << 20) << "the cache is no image";

  ASSERT_EQ(build(two_stages(kMegabyte), "-t kept").code, 0);
  for (const auto& entry : cache()) EXPECT_EQ(entry["UsageCount"], 2);
  const auto present = daemon->api("GET", "/v1.52/system/df?type=build-cache&verbose=1");
  EXPECT_EQ(present["BuildCacheUsage"]["TotalCount"], 2);
  EXPECT_GE(present["BuildCacheUsage"]["Reclaimable"], 1 << 20);
  run("rmi kept");
}

// An image from elsewhere whose history is that of the build's first step, and whose layer is another's
// (CVE-2024-24557).
constexpr const char* kForge = R"sh(set -e
  tar -xf honest.tar
  config=$(jq -r '.[0].Config' manifest.json)
  mkdir evil; echo mine >evil/f; tar -C evil -cf layer.tar f
  jq -c --arg id "sha256:$(sha256sum layer.tar | cut -d' ' -f1)" \
    '.rootfs.diff_ids = [$id] | del(.history[0].empty_layer)' "$config" >forged.json
  echo '[{"Config":"forged.json","RepoTags":["forged:1"],"Layers":["layer.tar"]}]' >manifest.json
  tar -cf forged.tar forged.json layer.tar manifest.json)sh";

TEST_P(BuildCache, TakesNoImageForAStepBecauseItSaysSo) {
  const std::string recipe = "FROM scratch\nLABEL a=b\n";
  const std::string folder = (daemon->root() / (std::string{"forge-"} + GetParam())).string();
  fs::create_directories(folder);
  ASSERT_EQ(build(recipe, "-t honest").code, 0);
  ASSERT_EQ(run("save -o " + folder + "/honest.tar honest").code, 0);
  run("rmi honest");
  run("builder prune -f");
  const Result forged = shell("cd " + folder + "; " + kForge);
  ASSERT_EQ(forged.code, 0) << forged.err;
  ASSERT_EQ(run("load -i " + folder + "/forged.tar").code, 0);
  EXPECT_THAT(run("image inspect -f '{{json .RootFS.Layers}}' forged:1").out, HasSubstr("sha256:"));
  ASSERT_EQ(build(recipe, "-t victim").code, 0);
  EXPECT_EQ(run("image inspect -f '{{len .RootFS.Layers}}' victim").line(), "0");
  run("rmi victim forged:1");
}

TEST_P(BuildCache, PruneFreesWhatItSays) {
  ASSERT_EQ(build(two_stages(kMegabyte), "-t kept").code, 0);
  const std::int64_t size = own_size();
  const Result pruned = run("builder prune -f");
  EXPECT_THAT(pruned.out, HasSubstr("Total reclaimed space: 1.049MB"));
  EXPECT_GE(size, 1 << 20);
  EXPECT_THAT(cache(), IsEmpty());
  EXPECT_EQ(run("run --rm kept cat /small").line(), "small");
  EXPECT_EQ(prune()["SpaceReclaimed"], 0);
  EXPECT_EQ(prune()["CachesDeleted"], nullptr);
  run("rmi kept");
}

TEST_P(BuildCache, PruneLeavesImagesWithoutANameAndWhatTheyStandOn) {
  const std::string id = build("FROM busybox\nRUN echo a >/a\nRUN echo b >/b\n").line();
  EXPECT_THAT(run("builder prune -af").out, HasSubstr("Total reclaimed space: 0B"));
  EXPECT_EQ(run("run --rm " + id + " cat /a /b").out, "a\nb\n");
  ASSERT_EQ(run("run --name made busybox touch /x").code, 0);
  const std::string committed = run("commit made").line();
  run("builder prune -af");
  EXPECT_EQ(run("image inspect -f ok " + committed).line(), "ok") << "no step of a build";
  run("rm made");
}

// Steps have no labels, and `system prune` sends its filters to all that it prunes.
TEST_P(BuildCache, PruneByLabelsTakesAllAsTheyAreNotTheCaches) {
  ASSERT_EQ(build(two_stages(kMegabyte), "-t kept").code, 0);
  const Result pruned = run("system prune -f --filter label=x --filter label!=y");
  EXPECT_EQ(pruned.code, 0) << pruned.err;
  EXPECT_THAT(pruned.out, HasSubstr("Total reclaimed space: 1.049MB"));
  EXPECT_EQ(run("builder prune -f --filter label=x --filter label=y").code, 0);
  run("rmi kept");
}

TEST_P(BuildCache, PruneStopsAtItsLimitAndTakesTheOldestFirst) {
  ASSERT_EQ(build(two_stages("RUN dd if=/dev/zero of=/old bs=1M count=1\n"), "-t kept").code, 0);
  ASSERT_EQ(build(two_stages("RUN dd if=/dev/zero of=/new bs=1M count=2\n"), "-t kept:2").code, 0);
  const Result pruned = run("builder prune -f --keep-storage 2500000");
  EXPECT_THAT(pruned.out, HasSubstr("Total reclaimed space: 1.049MB"));
  const auto left = cache();
  ASSERT_THAT(left, SizeIs(2));
  for (const auto& entry : left) EXPECT_THAT(entry["Description"].get<std::string>(), Not(HasSubstr("/old")));
  EXPECT_THAT(prune("?filters={\"until\":[\"1h\"]}")["SpaceReclaimed"], 0) << "all of it was used just now";
  EXPECT_EQ(prune("?filters={\"foo\":[\"1\"]}")["message"], "failed to prune build cache: invalid filter 'foo'");
  EXPECT_EQ(daemon->status(), 400);
  EXPECT_EQ(prune("?keep-storage=abc")["message"],
            "keep-storage is in bytes and expects an integer, got abc: strconv.Atoi: parsing \"abc\": invalid syntax");
  run("rmi kept kept:2");
}

TEST_P(BuildCache, HasItsMountsInIt) {
  ASSERT_EQ(build("FROM busybox\nRUN --mount=type=cache,target=/c dd if=/dev/zero of=/c/f bs=1M count=1\n").code, 0);
  const auto of_mounts = "?filters={\"type\":[\"exec.cachemount\"]}";
  nlohmann::json mount;
  for (const auto& entry : cache()) {
    if (entry["Type"] == "exec.cachemount") mount = entry;
  }
  EXPECT_EQ(mount["Size"], 1 << 20);
  EXPECT_EQ(mount["Description"], "cached mount /c");
  const auto pruned = prune(of_mounts);
  EXPECT_EQ(pruned["SpaceReclaimed"], 1 << 20);
  EXPECT_EQ(pruned["CachesDeleted"], nlohmann::json::array({mount["ID"]}));
  EXPECT_TRUE(fs::is_empty(mounts()));
}

TEST_P(BuildCache, LosesNothingThatABuildUnderWayNeeds) {
  const std::string gate =
      "RUN --mount=type=cache,target=/gate touch /gate/here; echo at the gate; until test -e /gate/go; do usleep "
      "10000; done\n";
  const std::string recipe = "FROM busybox AS made\nRUN echo first >/first\n" + gate +
                             "RUN cat /first\nFROM busybox\nCOPY --from=made /first /first\n";
  const fs::path folder = daemon->root() / "gated";
  fs::create_directories(folder);
  std::ofstream(folder / "Dockerfile") << recipe;
  const auto building = background("build -t gated " + folder.string());
  ASSERT_TRUE(building->wait_for("\nat the gate"));
  fs::path gate_folder;
  for (const auto& entry : fs::directory_iterator{mounts()}) {
    if (fs::exists(entry.path() / "here")) gate_folder = entry.path();
  }
  const auto before = cache();
  bool told = false;
  for (const auto& entry : before) told = told || entry["InUse"].get<bool>();
  EXPECT_TRUE(told) << before;
  EXPECT_EQ(prune("?all=1")["CachesDeleted"], nullptr);
  EXPECT_NE(run("rmi " + before[1]["ID"].get<std::string>()).code, 0);
  EXPECT_EQ(run("image prune -af").code, 0);
  std::ofstream(gate_folder / "go") << "";
  EXPECT_EQ(building->wait(), 0);
  EXPECT_EQ(run("run --rm gated cat /first").line(), "first");
  run("rmi gated");
}

TEST(BuildCacheCollector, HoldsItToItsLimitAndLeavesTheLastUsed) {
  const nlohmann::json config =
      nlohmann::json::parse(R"({"builder": {"gc": {"enabled": true, "policy": [{"maxUsedSpace": "2500000"}]}}})");
  Daemon daemon{config};
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  const auto build = [&](const std::string& name) {
    const std::string recipe = two_stages("RUN dd if=/dev/zero of=/" + name + " bs=1M count=1\n");
    return daemon.cli("build -q -t " + name + " -", recipe).code;
  };
  const auto size = [&] {
    std::int64_t out = 0;
    const nlohmann::json usage = daemon.api("GET", "/v1.45/system/df?type=build-cache");
    for (const auto& entry : usage["BuildCache"]) {
      out += entry["Shared"] ? 0 : entry["Size"].get<std::int64_t>();
    }
    return out;
  };
  for (const char* name : {"one", "two", "three", "four"}) ASSERT_EQ(build(name), 0);
  // The collector comes right after the build.
  for (int asked = 0; asked < 2000 && size() > 2'500'000; ++asked) continue;
  EXPECT_LE(size(), 2'500'000);
  EXPECT_GE(size(), 2 << 20) << "no more than it must";
  const Result again = daemon.cli("build -t four -", two_stages("RUN dd if=/dev/zero of=/four bs=1M count=1\n"));
  EXPECT_THAT(again.out, HasSubstr("Using cache"));
  for (const char* name : {"one", "two", "three", "four"}) {
    EXPECT_EQ(daemon.cli("run --rm " + std::string{name} + " cat /small").line(), "small");
  }
}

}  // namespace
}  // namespace gantry::e2e
