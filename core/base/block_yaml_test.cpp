#include "base/block_yaml.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry {
namespace {

TEST(BlockYaml, ReadsWhatGeneratorsWrite) {
  const auto spec = parse_block_yaml(R"(---
# nvidia-ctk cdi generate
cdiVersion: 0.5.0
kind: nvidia.com/gpu
containerEdits:
  env:
  - A=b c   # not this
  - "B=#1"
  mounts:
    - hostPath: /a: b
      containerPath: '/it''s'
      options: ["ro", "nosuid"]
devices:
-
  name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
      major: 195
- name: all
  empty:
)");
  EXPECT_EQ(spec["cdiVersion"], "0.5.0");
  EXPECT_EQ(spec["containerEdits"]["env"], (nlohmann::json{"A=b c", "B=#1"}));
  EXPECT_EQ(spec["containerEdits"]["mounts"][0]["hostPath"], "/a: b");
  EXPECT_EQ(spec["containerEdits"]["mounts"][0]["containerPath"], "/it's");
  EXPECT_EQ(spec["containerEdits"]["mounts"][0]["options"][1], "nosuid");
  EXPECT_EQ(spec["devices"][0]["name"], "0");
  EXPECT_EQ(spec["devices"][0]["containerEdits"]["deviceNodes"][0]["major"], 195);
  EXPECT_TRUE(spec["devices"][1]["empty"].is_null());
}

TEST(BlockYaml, RefusesTheRestByLine) {
  for (const char* text : {"a: |\n  b", "a: &b c", "a: {b: c}", "a\n", "a: 'b", "a:\n  b: c\n d: e"}) {
    EXPECT_THROW(parse_block_yaml(text), Error) << text;
  }
  std::string deep;
  for (int level = 0; level < 100; ++level) deep += std::string(static_cast<std::size_t>(level), ' ') + "a:\n";
  EXPECT_THROW(parse_block_yaml(deep), Error);
  EXPECT_TRUE(parse_block_yaml("").is_null());
}

}  // namespace
}  // namespace gantry
