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

// As docker does: over a container with nothing in it, before the daemon is asked.
TEST(Ps, LooksAtItsFormatFirst) {
  FakeDaemon daemon([](FakeConnection& connection, const FakeConnection::Request&) { connection.respond(200, "[]"); });
  const auto error = [&](const std::string& format) { return run_program(daemon, {"ps", "--format", format}).err; };
  EXPECT_EQ(error("table {{.Nosuch}}"),
            "failed to execute template: template: :1:8: executing \"\" at <.Nosuch>: can't evaluate field Nosuch in "
            "type *formatter.ContainerContext\n");
  EXPECT_EQ(error("{{slice .ID 0 4}}"),
            "failed to execute template: template: :1:2: executing \"\" at <slice .ID 0 4>: error calling slice: index "
            "out of range: 4\n");
  EXPECT_EQ(error("{{.ID"), "failed to parse template: template: :1: unclosed action\n");
  EXPECT_EQ(daemon.requests().size(), 0U);
  EXPECT_EQ(error("{{\"\\n\"}}"), "template parsing error: template: :1: unterminated quoted string\n");
  run_program(daemon, {"ps", "--size=false", "--format", "{{.Size}}"});
  EXPECT_EQ(daemon.requests().back(), "GET /v1.50/containers/json");
}

}  // namespace
}  // namespace gantry::cli
