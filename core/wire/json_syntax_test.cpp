#include "wire/json_syntax.hpp"

#include <gtest/gtest.h>

namespace gantry::wire {
namespace {

TEST(JsonSyntax, GoodValuesHaveNoComplaint) {
  for (const char* text : {"{}", "[]", " 1 ", "-0.5e+10", "\"a\\u00e9\\n\"", "true", "null",
                           R"({"a":[1,{"b":[]},[[]]],"c":{"d":{}},"e":"x"})", "[ ]", "{ }", "[1 , 2]", "{} and more",
                           "[[[[[]]]]]", "{\"a\":{}}", "0 1"}) {
    EXPECT_EQ(json_complaint(text), "") << text;
  }
  EXPECT_EQ(json_complaint(std::string(100'000, '[') + std::string(100'000, ']')), "");
}

TEST(JsonSyntax, ComplaintsAreGos) {
  const auto expect = [](std::string_view text, const std::string& complaint) {
    EXPECT_EQ(json_complaint(text), complaint) << text;
  };
  for (const char* text : {"", " ", "{", "[", "[1", "[1,", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "\"", "\"\\",
                           "\"\\u1", "-", "1.", "1e", "tr", "{\"a\":{}"}) {
    expect(text, "unexpected EOF");
  }
  expect("x", "invalid character 'x' looking for beginning of value");
  expect("\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value");
  expect("[1,]", "invalid character ']' looking for beginning of value");
  expect("[,", "invalid character ',' looking for beginning of value");
  expect("{\"a\":}", "invalid character '}' looking for beginning of value");
  expect("{\"a\":1,}", "invalid character '}' looking for beginning of object key string");
  expect("{1", "invalid character '1' looking for beginning of object key string");
  expect("{,", "invalid character ',' looking for beginning of object key string");
  expect("{\"a\" 1", "invalid character '1' after object key");
  expect("{\"a\":1 2", "invalid character '2' after object key:value pair");
  expect("{\"a\":[] []", "invalid character '[' after object key:value pair");
  expect("{\"a\":1]", "invalid character ']' after object key:value pair");
  expect("[1 2", "invalid character '2' after array element");
  expect("[{}}", "invalid character '}' after array element");
  expect("[01]", "invalid character '1' after array element");
  expect("\"\n\"", "invalid character '\\n' in string literal");
  expect(std::string_view("\"\0\"", 3), "invalid character '\\x00' in string literal");
  expect("\"\\x\"", "invalid character 'x' in string escape code");
  expect("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape");
  expect("-x", "invalid character 'x' in numeric literal");
  expect("1.x", "invalid character 'x' after decimal point in numeric literal");
  expect("1e+x", "invalid character 'x' in exponent of numeric literal");
  expect("trux", "invalid character 'x' in literal true (expecting 'e')");
  expect("{'a':1}", "invalid character '\\'' looking for beginning of object key string");
  expect("[\"", "unexpected EOF");
}

}  // namespace
}  // namespace gantry::wire
