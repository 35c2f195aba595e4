#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zlib.h>

#include <array>
#include <string>

#include "../log-files/test_call.hpp"
#include "driver.hpp"
#include "message.hpp"

namespace gantry::gelf {
namespace {

log::v1::Entry entry(const std::string& text, bool from_stderr = false) {
  log::v1::Entry out;
  out.text = text;
  out.from_stderr = from_stderr;
  out.time = 1'767'225'600'420'123'000;
  return out;
}

log::v1::Subject subject() {
  log::v1::Subject out;
  out.id = "0123456789abcdef";
  out.name = "web";
  out.image_id = "sha256:1";
  out.image_name = "busybox";
  out.command = {"sh", "-c", "a > b"};
  out.labels = {{"a.b", "1"}};
  out.created = 1'767'225'600'000'000'000;
  return out;
}

std::string unpacked(const std::string& packed) {
  z_stream stream{};
  ::inflateInit2(&stream, 32 + MAX_WBITS);
  std::string in = packed;
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<unsigned>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

/// A server on loopback.
class Gelf : public ::testing::Test {
 protected:
  std::string listen(int type) {
    socket_.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), generic, size), 0);
    EXPECT_TRUE(type == SOCK_DGRAM || ::listen(socket_.get(), 8) == 0);
    EXPECT_EQ(::getsockname(socket_.get(), generic, &size), 0);
    return (type == SOCK_STREAM ? "tcp" : "udp") + std::string("://127.0.0.1:") +
           std::to_string(::ntohs(address.sin_port));
  }

  static std::string receive(int socket) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

  std::string refusal(const Options& options) {
    try {
      driver_.check(options, call_);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  log::v1::Plan plan(const Options& options) {
    log::v1::Plan out;
    driver_.plan(subject(), options, out, call_);
    return out;
  }

  UniqueFd socket_;
  log_files::PlainCall call_;
  Driver driver_;
};

TEST_F(Gelf, SaysWhatDockerdSays) {
  const std::string members = container_members(subject(), {{"labels", "a.b"}, {"tag", "t"}});
  EXPECT_EQ(members,
            R"(,"_a.b":"1","_command":"sh -c a \u003e b","_container_id":"0123456789abcdef","_container_name":"web",)"
            R"("_created":"2026-01-01T00:00:00Z","_image_id":"sha256:1","_image_name":"busybox","_tag":"t")");
  EXPECT_EQ(format_message("h", entry("hi"), members),
            R"({"version":"1.1","host":"h","short_message":"hi","timestamp":1767225600.42,"level":6)" + members + "}");
  EXPECT_NE(
      format_message("h", entry("\xff", true), "").find("\"\xef\xbf\xbd\",\"timestamp\":1767225600.42,\"level\":3"),
      std::string::npos);
}

TEST_F(Gelf, ChecksItsOptionsInDockerdsWords) {
  const auto with = [this](const std::string& address, const std::string& name, const std::string& value) {
    return refusal({{"gelf-address", address}, {name, value}});
  };
  EXPECT_EQ(refusal({{"foo", "1"}}), "gelf-address is a required parameter");
  EXPECT_EQ(refusal({{"gelf-address", "http://x"}}), "gelf: endpoint needs to be TCP or UDP");
  EXPECT_EQ(refusal({{"gelf-address", "udp://x"}}), "gelf: please provide gelf-address as proto://host:port");
  EXPECT_EQ(with("udp://x:1", "foo", "1"), "unknown log opt 'foo' for gelf log driver");
  EXPECT_EQ(with("udp://x:1", "gelf-compression-type", "x"),
            "unknown value \"x\" for log opt \"gelf-compression-type\" for gelf log driver");
  EXPECT_EQ(with("udp://x:1", "gelf-compression-level", "99"),
            "unknown value \"99\" for log opt \"gelf-compression-level\" for gelf log driver");
  EXPECT_EQ(with("udp://x:1", "gelf-tcp-max-reconnect", "1"), "\"gelf-tcp-max-reconnect\" is only valid for TCP");
  EXPECT_EQ(with("tcp://x:1", "gelf-compression-type", "none"), "compression is only supported on UDP");
  EXPECT_EQ(with("tcp://x:1", "gelf-tcp-reconnect-delay", "-1"),
            "\"gelf-tcp-reconnect-delay\" must be a positive integer");
  EXPECT_EQ(with("udp://x:1", "gelf-compression-level", "-1"), "");
}

TEST_F(Gelf, SendsDatagramsCompressedAsAsked) {
  const std::string address = listen(SOCK_DGRAM);
  for (const char* const type : {"gzip", "zlib", "none"}) {
    Driver beside;
    beside.open(plan({{"gelf-address", address}, {"gelf-compression-type", type}}).settings);
    beside.write(entry(""));
    beside.write(entry("hi"));
    const std::string got = receive(socket_.get());
    const std::string text = got.starts_with('{') ? got : unpacked(got);
    EXPECT_EQ(got.starts_with('{'), std::string(type) == "none");
    EXPECT_NE(text.find(R"("short_message":"hi")"), std::string::npos) << type << text;
  }
}

TEST_F(Gelf, CutsLongMessagesIntoChunks) {
  const std::string address = listen(SOCK_DGRAM);
  Driver beside;
  beside.open(plan({{"gelf-address", address}, {"gelf-compression-type", "none"}}).settings);
  beside.write(entry(std::string(3000, 'x')));
  std::string whole;
  std::string id;
  for (int i = 0; i < 3; ++i) {
    const std::string got = receive(socket_.get());
    ASSERT_TRUE(got.starts_with("\x1e\x0f")) << i;
    EXPECT_LE(got.size(), 1420U);
    if (i == 0) id = got.substr(2, 8);
    EXPECT_EQ(got.substr(2, 8), id);
    EXPECT_EQ(got[10], i);
    EXPECT_EQ(got[11], 3);
    whole += got.substr(12);
  }
  EXPECT_TRUE(whole.starts_with('{') && whole.ends_with('}'));
  EXPECT_THROW(beside.write(entry(std::string(200'000, 'x'))), Error);
}

TEST_F(Gelf, ComesBackToAServerThatLeft) {
  const std::string address = listen(SOCK_STREAM);
  Driver beside;
  const log::v1::Plan planned = plan({{"gelf-address", address}, {"gelf-tcp-reconnect-delay", "0"}});
  const UniqueFd greeted{::accept(socket_.get(), nullptr, nullptr)};
  beside.open(planned.settings);
  beside.write(entry("one"));
  UniqueFd first{::accept(socket_.get(), nullptr, nullptr)};
  const std::string got = receive(first.get());
  EXPECT_TRUE(got.ends_with(std::string("}\0", 2))) << got;
  first.reset();
  // The first message after the server's end may be lost in the socket, as with any stream.
  for (int i = 0; i < 3; ++i) beside.write(entry("two"));
  const UniqueFd second{::accept(socket_.get(), nullptr, nullptr)};
  EXPECT_NE(receive(second.get()).find(R"("short_message":"two")"), std::string::npos);
  socket_.reset();
  try {
    plan({{"gelf-address", address}});
    ADD_FAILURE() << "planned";
  } catch (const Error& error) {
    const std::string server = address.substr(6);
    EXPECT_EQ(error.what(), "gelf: cannot connect to GELF endpoint: " + server + " dial tcp " + server +
                                ": connect: connection refused");
  }
}

}  // namespace
}  // namespace gantry::gelf
