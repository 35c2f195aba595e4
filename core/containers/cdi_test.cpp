#include "containers/cdi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gantry/error.hpp"

namespace gantry::containers {
namespace {

using ::testing::ElementsAre;

class Cdi : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string place = (std::filesystem::temp_directory_path() / "cdi-XXXXXX").string();
    ASSERT_NE(::mkdtemp(place.data()), nullptr);
    root_ = place;
    for (const char* folder : {"etc", "run"}) std::filesystem::create_directory(root_ / folder);
    write("etc/a.json", R"({"kind":"vendor.com/net","containerEdits":{"env":["ALL=1"]},"devices":[
      {"name":"n0","containerEdits":{"env":["N0=1"],"deviceNodes":[{"path":"/dev/in","hostPath":"/dev/null",
      "permissions":"r"}],"mounts":[{"hostPath":"/h","containerPath":"/c","options":["ro"]}],
      "hooks":[{"hookName":"createContainer","path":"/x"}]}},{"name":"n1","containerEdits":{"env":["N1=1"]}}]})");
    write("etc/broken.json", "{");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(root_ / name) << text; }
  [[nodiscard]] std::vector<std::string> folders() const {
    return {(root_ / "etc").string(), (root_ / "run").string(), (root_ / "none").string()};
  }
  [[nodiscard]] std::string refusal(const std::vector<wire::DeviceRequest>& requests) const {
    try {
      named_devices(requests, folders());
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  }

 private:
  std::filesystem::path root_;
};

TEST_F(Cdi, EveryDeviceIsNamedOnceWhateverItsFilesHold) {
  write("run/b.yaml", "kind: vendor.com/net\ndevices:\n- name: n1\n- name: 7\n- odd\n- {}\n");
  write("run/c.json", R"({"kind":"vendor.com/odd","devices":"none"})");
  EXPECT_THAT(all_cdi_names(folders()), ElementsAre("vendor.com/net=7", "vendor.com/net=n0", "vendor.com/net=n1"));
}

TEST_F(Cdi, ADevicesEditsAndItsFilesAreCollectedOnce) {
  const auto edits = cdi_edits({"vendor.com/net=n0", "vendor.com/net=n1"}, folders());
  EXPECT_THAT(edits.env, ElementsAre("ALL=1", "N0=1", "N1=1"));
  ASSERT_EQ(edits.devices.size(), 1U);
  EXPECT_EQ(edits.devices[0].path_on_host, "/dev/null");
  EXPECT_EQ(edits.devices[0].path_in_container, "/dev/in");
  EXPECT_EQ(edits.devices[0].cgroup_permissions, "r");
  ASSERT_EQ(edits.mounts.size(), 1U);
  EXPECT_EQ(edits.mounts[0].target, "/c");
  EXPECT_THAT(edits.mounts[0].options, ElementsAre("rbind", "ro"));
  EXPECT_TRUE(edits.wants_hooks);
}

TEST_F(Cdi, LaterFoldersWin) {
  write("run/a.yaml", "kind: vendor.com/net\ndevices:\n- name: n1\n  containerEdits:\n    env:\n    - N1=run\n");
  EXPECT_THAT(cdi_edits({"vendor.com/net=n1"}, folders()).env, ElementsAre("N1=run"));
}

TEST_F(Cdi, WhatIsMissingIsNamed) {
  EXPECT_EQ(refusal({{"cdi", 0, {"vendor.com/net=n0", "a.b/c=d", "vendor.com/net=n9"}, {}, {}}}),
            "CDI device injection failed: unresolvable CDI devices a.b/c=d, vendor.com/net=n9");
  EXPECT_EQ(refusal({{"", -1, {}, {{"gpu"}}, {}}}), "could not select device driver \"\" with capabilities: [[gpu]]");
  EXPECT_EQ(refusal({{"other", 0, {}, {}, {}}}), "could not select device driver \"other\" with capabilities: []");
}

TEST_F(Cdi, GpusComeFromAFileForThem) {
  write("etc/nvidia.yaml",
        "kind: nvidia.com/gpu\ndevices:\n- name: \"0\"\n  containerEdits:\n    env:\n    - G=0\n"
        "- name: all\n  containerEdits:\n    env:\n    - G=all\n");
  const auto env = [&](const wire::DeviceRequest& request) { return named_devices({request}, folders()).env; };
  EXPECT_THAT(env({"", -1, {}, {{"gpu"}}, {}}), ElementsAre("G=all"));
  EXPECT_THAT(env({"", 1, {}, {{"gpu"}}, {}}), ElementsAre("G=0"));
  EXPECT_THAT(env({"nvidia", 0, {"0"}, {{"gpu"}}, {}}), ElementsAre("G=0"));
  EXPECT_EQ(refusal({{"", 2147483647, {}, {{"gpu"}}, {}}}),
            "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=1, nvidia.com/gpu=2");
}

}  // namespace
}  // namespace gantry::containers
