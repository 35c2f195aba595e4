#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <regex>

#include "../log-files/test_call.hpp"
#include "driver.hpp"

namespace gantry::log_syslog {
namespace {

namespace fs = std::filesystem;

std::string host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

log::v1::Entry entry(const std::string& text, bool from_stderr = false) {
  log::v1::Entry out;
  out.text = text;
  out.from_stderr = from_stderr;
  out.time = 1'767'225'600'000'123'000;  // 2026-01-01T00:00:00.000123Z
  return out;
}

class Syslog : public ::testing::Test {
 protected:
  Syslog() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    std::string name = (fs::temp_directory_path() / "gantry-syslog-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Syslog() override { fs::remove_all(folder_); }

  std::string refusal(const Options& options) {
    try {
      driver_.check(options, call_);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  UniqueFd listen_unixgram(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }

  static std::string receive(int socket) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

  fs::path folder_;
  log_files::PlainCall call_;
  Driver driver_;
};

TEST_F(Syslog, FormatsAsDockerd) {
  Style style{"", 24, "tag", "host", 7};
  EXPECT_EQ(format_message(style, entry("hi")), "<30>Jan  1 00:00:00 tag[7]: hi\n");
  EXPECT_EQ(format_message(style, entry("hi", true)), "<27>Jan  1 00:00:00 tag[7]: hi\n");
  style.format = "rfc3164";
  EXPECT_EQ(format_message(style, entry("hi")), "<30>Jan  1 00:00:00 host tag[7]: hi\n");
  style.format = "rfc5424";
  EXPECT_EQ(format_message(style, entry("hi")), "<30>1 2026-01-01T00:00:00Z host tag 7 tag - hi\n");
  style.format = "rfc5424micro";
  EXPECT_EQ(format_message(style, entry("hi")), "<30>1 2026-01-01T00:00:00.000123Z host tag 7 tag - hi\n");
}

TEST_F(Syslog, ChecksItsOptionsInDockerdsWords) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({{"foo", "1"}}), "unknown log opt 'foo' for syslog log driver");
  EXPECT_EQ(refusal({{"syslog-address", "foo://x"}}), "unsupported scheme: 'foo'");
  EXPECT_EQ(refusal({{"syslog-address", "unix:///nope"}}), "stat /nope: no such file or directory");
  EXPECT_EQ(refusal({{"syslog-address", "tcp://x"}}), "");
  EXPECT_EQ(refusal({{"syslog-facility", "foo"}}), "invalid syslog facility");
  EXPECT_EQ(refusal({{"syslog-facility", "24"}}), "invalid syslog facility");
  EXPECT_EQ(refusal({{"syslog-format", "foo"}}), "Invalid syslog format");
}

TEST_F(Syslog, ReadsAddresses) {
  EXPECT_EQ(parse_address("tcp://x").port, "514");
  EXPECT_EQ(parse_address("udp://[::1]:99").place, "::1");
  EXPECT_EQ(parse_address("udp://[::1]:99").port, "99");
  EXPECT_EQ(parse_facility("local3"), 19 << 3);
  EXPECT_EQ(parse_facility("2"), 16);
}

TEST_F(Syslog, SaysInItsPlanWhereItSends) {
  const std::string path = folder_ / "log";
  const UniqueFd server = listen_unixgram(path);
  log::v1::Subject subject;
  subject.name = "web";
  log::v1::Plan plan;
  driver_.plan(subject, {{"syslog-address", "unixgram://" + path}, {"tag", "{{.Name}}"}}, plan, call_);
  EXPECT_EQ(plan.writer, "process");
  Driver beside;
  beside.open(plan.settings);
  beside.write(entry("hi"));
  EXPECT_EQ(receive(server.get()), "<30>Jan  1 00:00:00 web[" + std::to_string(::getpid()) + "]: hi\n");
}

TEST_F(Syslog, ConnectsAnewWhenTheServerComesBack) {
  const std::string path = folder_ / "log";
  UniqueFd server = listen_unixgram(path);
  Driver beside;
  beside.open({{"address", "unixgram://" + path}, {"facility", ""}, {"format", "rfc3164"}, {"tag", "t"}});
  beside.write(entry("one"));
  server.reset();
  fs::remove(path);
  EXPECT_THROW(beside.write(entry("lost")), Error);
  server = listen_unixgram(path);
  beside.write(entry("two"));
  EXPECT_EQ(receive(server.get()), "<30>Jan  1 00:00:00 " + host() + " t[" + std::to_string(::getpid()) + "]: two\n");
}

TEST_F(Syslog, IsRefusedWithoutAServer) {
  log::v1::Plan plan;
  try {
    driver_.plan({}, {{"syslog-address", "tcp://127.0.0.1:1"}}, plan, call_);
    ADD_FAILURE() << "planned";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "dial tcp 127.0.0.1:1: connect: connection refused");
  }
}

}  // namespace
}  // namespace gantry::log_syslog
