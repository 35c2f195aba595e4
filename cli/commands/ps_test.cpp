// Lists of containers, which come in pieces.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "commands/fake_daemon.hpp"

namespace gantry::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* kFirst =
    R"([{"Id":"0123456789abcdef","Names":["/one"],"NetworkSettings":{"Networks":{"back":{"IPAddress":"10.0.0.2"},"front":{}}}},{"Id":"f)";
constexpr const char* kSecond = R"(edcba9876543210","Names":["/two"],"Ports":[{"PrivatePort":80,"Type":"tcp"}]}])";

std::string chunk(const std::string& bytes) {
  std::array<char, 16> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return size.data() + bytes + "\r\n";
}

FakeDaemon daemon_with_end(const std::string& end) {
  return FakeDaemon([end](FakeConnection& connection, const FakeConnection::Request&) {
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.write(chunk(kFirst));
    connection.write(end);
  });
}

TEST(Ps, ReadsAListThatComesInPieces) {
  const FakeDaemon daemon = daemon_with_end(chunk(std::string(kSecond) + "\n") + "0\r\n\r\n");
  const Outcome outcome = run_program(daemon, {"ps", "--format", "{{.ID}} {{.Names}} {{.Networks}} {{.Ports}}"});
  EXPECT_EQ(outcome.out, "0123456789ab one back,front \nfedcba987654 two  80/tcp\n");
  EXPECT_EQ(outcome.code, 0);
}

TEST(Ps, ShowsNothingOfAListThatBreaksOff) {
  const FakeDaemon daemon = daemon_with_end("0\r\n\r\n");
  const Outcome outcome = run_program(daemon, {"ps"});
  EXPECT_EQ(outcome.out, "");
  EXPECT_NE(outcome.err, "");
  EXPECT_EQ(outcome.code, 1);
}

}  // namespace
}  // namespace gantry::cli
