#include "base/yaml.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry {
namespace {

TEST(Yaml, BecomesJson) {
  const auto spec = parse_yaml(R"(---
# nvidia-ctk cdi generate
cdiVersion: 0.5.0
kind: nvidia.com/gpu
containerEdits:
  env:
  - A=b c   # not this
  - "B=#1"
  mounts:
    - hostPath: /a:b
      containerPath: '/it''s'
      options: ["ro", nosuid]
devices:
-
  name: "0"
  containerEdits: {deviceNodes: [{path: /dev/nvidia0, major: 195}]}
- name: all
  empty:
  text: |
    two
    lines
)");
  EXPECT_EQ(spec["cdiVersion"], "0.5.0");
  EXPECT_EQ(spec["containerEdits"]["env"], (nlohmann::json{"A=b c", "B=#1"}));
  EXPECT_EQ(spec["containerEdits"]["mounts"][0]["containerPath"], "/it's");
  EXPECT_EQ(spec["containerEdits"]["mounts"][0]["options"][1], "nosuid");
  EXPECT_EQ(spec["devices"][0]["name"], "0");
  EXPECT_EQ(spec["devices"][0]["containerEdits"]["deviceNodes"][0]["major"], 195);
  EXPECT_TRUE(spec["devices"][1]["empty"].is_null());
  EXPECT_EQ(spec["devices"][1]["text"], "two\nlines\n");
  EXPECT_TRUE(parse_yaml("").is_null());
  EXPECT_EQ(parse_yaml("[yes, 1.5, -3, true, \"1\", 0x1f]").dump(), R"(["yes",1.5,-3,true,"1","0x1f"])");
}

TEST(Yaml, IsRefusedByLine) {
  for (const char* text : {"a: &b c\nd: *b", "a: 'b", "a:\n  b: c\n d: e", "a: 1\na: 2", "a\n---\nb", "? [a]\n: b"}) {
    EXPECT_THROW(parse_yaml(text), Error) << text;
  }
  EXPECT_THROW(parse_yaml(std::string(200, '[') + std::string(200, ']')), Error);
  try {
    parse_yaml("a: 1\nb: [\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 12), "yaml: line 3") << error.what();
  }
}

}  // namespace
}  // namespace gantry
