#include "wire/json_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/container_config.hpp"

namespace gantry::wire {
namespace {

using Json = nlohmann::json;

CreateBody read_as_go(const std::string& text) {
  CreateBody body;
  from_json(parse_as_go(text), body);
  return body;
}

TEST(JsonText, OfMembersOfOneNameTheLastCounts) {
  EXPECT_EQ(parse_as_go(R"({"a":1,"b":[1,2],"a":2,"b":[3]})"), Json::parse(R"({"a":2,"b":[3]})"));
  EXPECT_EQ(parse_as_go(R"({"a":{"x":1,"y":1},"a":{"y":2}})"), Json::parse(R"({"a":{"x":1,"y":2}})"));
  EXPECT_EQ(parse_as_go(R"({"a":{"x":1},"a":null,"b":"kept","b":null})"), Json::parse(R"({"a":null,"b":"kept"})"));
}

TEST(JsonText, NamesOfFieldsHaveNoCase) {
  EXPECT_EQ(read_as_go(R"({"Image":"a","image":"b"})").config.image, "b");
  EXPECT_EQ(read_as_go(R"({"image":"b","Image":"a"})").config.image, "a");
  EXPECT_EQ(read_as_go(R"({"IMAGE":"b","image":"c","iMage":"d"})").config.image, "d");
  const auto host = read_as_go(R"({"HostConfig":{"Memory":64,"Binds":["/a:/a"]},
      "hostconfig":{"CpuShares":5,"binds":["/b:/b"]}})")
                        .host_config;
  EXPECT_EQ(host.resources.memory, 64);
  EXPECT_EQ(host.resources.cpu_shares, 5);
  EXPECT_EQ(host.binds, std::vector<std::string>{"/b:/b"});
}

TEST(JsonText, NamesInMapsHaveCase) {
  const auto labels = read_as_go(R"({"Labels":{"a":"1","A":"2"},"labels":{"b":"3"}})").config.labels;
  EXPECT_EQ(labels, (std::map<std::string, std::string>{{"a", "1"}, {"A", "2"}, {"b", "3"}}));
}

TEST(JsonText, TheHiddenMemberIsNobodysToSend) {
  const std::string text = R"({"Image":"a","image":"b","\u0000order":["Image"]})";
  EXPECT_EQ(read_as_go(text).config.image, "b");
  EXPECT_EQ(read_as_go(R"({"Labels":{"\u0000order":"x"}})").config.labels.size(), 0U);
  EXPECT_EQ(read_as_go(R"({"Image":"a","\u0000order":3})").config.image, "a");
}

TEST(JsonText, WhatIsNoTextIsReplaced) {
  EXPECT_EQ(parse_as_go(R"(["\ud800","a\udc00b","\ud83d\ude00","\ud800\u0041"])"),
            Json::parse(R"(["\ufffd","a\ufffdb","\ud83d\ude00","\ufffdA"])"));
  EXPECT_EQ(parse_as_go("[\"a\xff\xc3\x28"
                        "b\",\"\xed\xa0\x80\",\"\\\\ud800\"]"),
            Json::parse("[\"a\\ufffd\\ufffd(b\",\"\\ufffd\\ufffd\\ufffd\",\"\\\\ud800\"]"));
}

TEST(JsonText, WhatIsNoJsonIsRefused) {
  for (const char* bad : {"", "{", "[1,]", "{\"a\":}", "\"\\ud8", "\"\\", "{} {}", "\xff"}) {
    EXPECT_THROW(static_cast<void>(parse_as_go(bad)), Json::exception) << bad;
  }
}

}  // namespace
}  // namespace gantry::wire
