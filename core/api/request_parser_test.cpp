#include "api/request_parser.hpp"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>

namespace gantry::api {
namespace {

// What becomes of a request with these fields.
boost::system::error_code parse(RequestParser& parser, const std::string& fields) {
  const std::string text = "GET / HTTP/1.1\r\n" + fields + "\r\n";
  parser.header_limit(1 << 20);
  boost::system::error_code failed;
  parser.put(boost::asio::buffer(text), failed);
  return failed;
}

TEST(RequestParser, FindsFieldsOfAnyLength) {
  RequestParser parser;
  const std::string long_value(100'000, 'a');
  EXPECT_FALSE(parse(parser, "X-Short: b\r\nX-Long: " + long_value + "\r\nx-long: c\r\nHost: d\r\n"));
  EXPECT_EQ(parser.field("x-short"), "b");
  EXPECT_EQ(parser.field("Host"), "d");
  EXPECT_EQ(parser.field("X-Other"), std::nullopt);
  RequestParser other;
  EXPECT_FALSE(parse(other, "X-Long: " + long_value + "\r\n"));
  EXPECT_EQ(other.field("x-LONG"), long_value);
}

TEST(RequestParser, TakesTheFirstOfAName) {
  const std::string one(100'000, '1');
  const std::string two(100'000, '2');
  RequestParser long_first;
  EXPECT_FALSE(parse(long_first, "X-Auth: " + one + "\r\nx-auth: short\r\nX-AUTH: " + two + "\r\n"));
  EXPECT_EQ(long_first.field("X-Auth"), one);
  RequestParser short_first;
  EXPECT_FALSE(parse(short_first, "X-Auth: short\r\nX-Auth: " + one + "\r\nX-Auth: other\r\n"));
  EXPECT_EQ(short_first.field("X-Auth"), "short");
}

TEST(RequestParser, ForgetsWhatDoesNotFrame) {
  RequestParser parser;
  EXPECT_FALSE(parse(parser, "X-Long: " + std::string(100'000, 'a') +
                                 "\r\nX-Short: b\r\nConnection: close\r\nContent-Length: 5\r\nX-Other: c\r\n"));
  EXPECT_EQ(parser.forget(), std::string{"/ConnectioncloseContent-Length5"}.size());
  EXPECT_EQ(parser.field("X-Long"), std::nullopt);
  EXPECT_EQ(parser.field("X-Short"), std::nullopt);
  EXPECT_EQ(parser.field("X-Other"), std::nullopt);
  EXPECT_FALSE(parser.get().keep_alive());
  EXPECT_EQ(parser.content_length_remaining().value_or(0), 5U);
}

// Set aside, it would be overlooked, and its body be taken for another request.
TEST(RequestParser, RefusesLongFieldsThatSayWhereARequestEnds) {
  for (const char* name : {"Transfer-Encoding", "connection", "Expect", "Upgrade", "Trailer"}) {
    RequestParser parser;
    EXPECT_EQ(parse(parser, std::string{name} + ": " + std::string(100'000, 'a') + "\r\n"), http::error::header_limit)
        << name;
  }
}

TEST(RequestParser, BoundsFields) {
  std::string many;
  for (int i = 0; i < 5'000; ++i) many += "a:\r\n";
  RequestParser parser;
  EXPECT_EQ(parse(parser, many), http::error::header_limit);
  RequestParser other;
  EXPECT_EQ(parse(other, std::string(70'000, 'a') + ": b\r\n"), http::error::header_limit);
}

}  // namespace
}  // namespace gantry::api
