#include "images/bounded_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kLimit = std::size_t{4} << 20;

std::string why_refused(const std::string& content) {
  try {
    (void)parse_bounded(content, kLimit, "it");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string nested(std::size_t depth) {
  std::string text;
  for (std::size_t level = 0; level < depth; ++level) text += R"({"a":)";
  return text + "1" + std::string(depth, '}');
}

TEST(BoundedJson, IsAnObjectOfItsSizeAndDepth) {
  EXPECT_EQ(parse_bounded(R"({"a":[1,"b",{"c":null}]})", kLimit, "it")["a"][1], "b");
  EXPECT_EQ(why_refused(nested(64)), "");
  EXPECT_EQ(why_refused(nested(65)), "it: it is nested too deeply");
  EXPECT_EQ(why_refused(R"({"a":)" + std::string(100'000, '[')), "it: it is nested too deeply");
  for (const char* other : {"", "1", "[]", R"("a")", R"({"a":1} {})", R"({"a")", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(why_refused(other), "it: it is not a JSON object") << other;
  }
  EXPECT_EQ(why_refused(std::string(kLimit + 1, ' ')), "it: it is larger than 4 MiB");
}

TEST(BoundedJson, IsAnObjectThatIsNotTooDeep) {
  EXPECT_TRUE(is_bounded_object(R"({"a":[1,-1,1.5,"b",null,true,{}]})"));
  const auto nested = [](std::size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(is_bounded_object(nested(50)));
  EXPECT_FALSE(is_bounded_object(nested(100)));
  EXPECT_FALSE(is_bounded_object(std::string(1'000'000, '[')));
  for (const char* text : {"", "[]", "1", "null", "\"a\"", "{", "{}x", "{}{}", "{\"a\":\xff}", "{\"\xff\":1}"}) {
    EXPECT_FALSE(is_bounded_object(text)) << text;
  }
}

// What takes time with the square of their number takes an hour for these.
TEST(BoundedJson, TakesManyObjectsInOne) {
  std::string text = "{";
  for (int number = 0; number < 200'000; ++number) text += "\"" + std::to_string(number) + "\":{},";
  text.back() = '}';
  EXPECT_EQ(parse_bounded(text, kLimit, "it").size(), 200'000U);
}

}  // namespace
}  // namespace gantry::images
