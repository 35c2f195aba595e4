#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>

#include "../log-files/test_call.hpp"
#include "driver.hpp"
#include "message_pack.hpp"

namespace gantry::fluentd {
namespace {

namespace fs = std::filesystem;

log::v1::Entry entry(const std::string& text) {
  log::v1::Entry out;
  out.text = text;
  out.time = std::int64_t{0x6b08b424} * 1'000'000'000 + 7;
  return out;
}

/// A server at a Unix socket.
class Fluentd : public ::testing::Test {
 protected:
  Fluentd() {
    std::string name = (fs::temp_directory_path() / "gantry-fluentd-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    options_ = {{"fluentd-address", "unix://" + (folder_ / "s").string()}, {"tag", "t"}, {"fluentd-retry-wait", "1ms"}};
  }
  ~Fluentd() override { fs::remove_all(folder_); }

  UniqueFd listen() const {
    const std::string path = folder_ / "s";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket.get(), 8), 0);
    return socket;
  }

  static UniqueFd accept(const UniqueFd& listener) { return UniqueFd{::accept(listener.get(), nullptr, nullptr)}; }

  static std::string receive(const UniqueFd& socket) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

  Options settings() {
    log::v1::Subject subject;
    subject.id = "0123";
    subject.name = "web";
    subject.labels = {{"a.b", "1"}};
    log::v1::Plan out;
    driver_.plan(subject, options_, out, call_);
    return out.settings;
  }

  std::string refusal(const Options& options) {
    try {
      driver_.check(options, call_);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  fs::path folder_;
  Options options_;
  log_files::PlainCall call_;
  Driver driver_;
};

TEST_F(Fluentd, GetsWhatDockerdSends) {
  const UniqueFd listener = listen();
  options_["labels"] = "a.b";
  Driver beside;
  beside.open(settings());
  const UniqueFd greeted = accept(listener);
  beside.write(entry("hi"));
  const UniqueFd client = accept(listener);
  static constexpr char kBytes[] =
      "\x94\xa1t\xd2k\x08\xb4$\x85\xa3"
      "a.b\xa1"
      "1\xac"
      "container_id\xa4"
      "0123\xae"
      "container_name\xa4/web\xa3log\xa2hi\xa6source\xa6stdout\x80";
  EXPECT_EQ(receive(client), std::string(kBytes, sizeof kBytes - 1));
  log::v1::Entry part = entry("part");
  part.partial = true;
  part.ordinal = 2;
  beside.write(part);
  const std::string got = receive(client);
  EXPECT_NE(got.find("\xafpartial_message\xa4true"), std::string::npos);
  EXPECT_NE(got.find("\xafpartial_ordinal\xa1"
                     "2"),
            std::string::npos);
}

TEST_F(Fluentd, AnswersWhereThatIsAskedForElseItIsTriedAgain) {
  const UniqueFd listener = listen();
  options_["fluentd-request-ack"] = "true";
  Driver beside;
  beside.open(settings());
  const UniqueFd greeted = accept(listener);
  auto written = std::async(std::launch::async, [&beside] { beside.write(entry("hi")); });
  {
    const UniqueFd first = accept(listener);
    EXPECT_FALSE(receive(first).empty());  // and leaves without a word
  }
  const UniqueFd second = accept(listener);
  const std::string message = receive(second);
  const std::size_t chunk = message.find(
      "\xa5"
      "chunk\xd9 ");
  ASSERT_NE(chunk, std::string::npos);
  std::string answer =
      "\x81\xa3"
      "ack";
  pack_text(answer, message.substr(chunk + 8, 32));
  EXPECT_EQ(::send(second.get(), answer.data(), answer.size(), 0), static_cast<ssize_t>(answer.size()));
  EXPECT_NO_THROW(written.get());
}

TEST_F(Fluentd, IsWaitedForByNobodyIfAsynchronous) {
  options_["fluentd-async"] = "true";
  Driver beside;
  beside.open(settings());  // nobody listens
  beside.write(entry("one"));
  const UniqueFd listener = listen();
  const UniqueFd client = accept(listener);
  EXPECT_NE(receive(client).find("\xa3log\xa3one"), std::string::npos);
  beside.write(entry("two"));
  EXPECT_NE(receive(client).find("\xa3log\xa3two"), std::string::npos);
  beside.close();
}

TEST_F(Fluentd, IsMissedAtTheStartOrAtALine) {
  const std::string path = folder_ / "s";
  const std::string reason = "dial unix " + path + ": connect: no such file or directory";
  try {
    settings();
    ADD_FAILURE() << "planned";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), reason);
  }
  options_["fluentd-async"] = "true";
  options_["fluentd-max-retries"] = "1";
  Options given = settings();
  given.erase("fluentd-async");
  Driver beside;
  beside.open(given);
  EXPECT_THROW(beside.write(entry("lost")), Error);
}

TEST_F(Fluentd, ChecksItsOptionsInDockerdsWords) {
  const auto address = [this](const std::string& text) { return refusal({{"fluentd-address", text}}); };
  EXPECT_EQ(address("http://x"), "invalid fluentd-address (http://x): unsupported scheme: 'http'");
  EXPECT_EQ(address("tcp://x/y"), "invalid fluentd-address (tcp://x/y): should not contain a path element");
  EXPECT_EQ(address("a:b:c"), "invalid fluentd-address (a:b:c): parse \"tcp://a:b:c\": invalid port \":c\" after host");
  EXPECT_EQ(
      address("x:99999"),
      "invalid fluentd-address (x:99999): invalid port: strconv.ParseUint: parsing \"99999\": value out of range");
  EXPECT_EQ(address("unix://"), "invalid fluentd-address (unix://): path is empty");
  EXPECT_EQ(address("[::1]:24"), "");
  EXPECT_EQ(refusal({{"foo", "x"}}), "unknown log opt 'foo' for fluentd log driver");
  EXPECT_EQ(refusal({{"fluentd-async", "x"}}), "strconv.ParseBool: parsing \"x\": invalid syntax");
  EXPECT_EQ(refusal({{"fluentd-buffer-limit", "x"}}), "invalid size: 'x'");
  EXPECT_EQ(refusal({{"fluentd-max-retries", "-1"}}), "strconv.ParseUint: parsing \"-1\": invalid syntax");
  EXPECT_EQ(refusal({{"fluentd-retry-wait", "x"}}), "time: invalid duration \"x\"");
  EXPECT_EQ(refusal({{"fluentd-retry-wait", "5"}}), "time: missing unit in duration \"5\"");
  EXPECT_EQ(refusal({{"fluentd-retry-wait", "1x"}}), "time: unknown unit \"x\" in duration \"1x\"");
  EXPECT_EQ(refusal({{"fluentd-retry-wait", "1h2m3.5s"}}), "");
  EXPECT_EQ(refusal({{"fluentd-async-reconnect-interval", "10ms"}}),
            "invalid value for fluentd-async-reconnect-interval: value (\"10ms\") must be between 100ms and 10s");
  EXPECT_EQ(refusal({{"fluentd-async", "true"}, {"fluentd-async-connect", "true"}}),
            "conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect");
}

TEST(MessagePack, ChoosesTheShortestForm) {
  std::string out;
  for (const std::size_t size : {31U, 32U, 256U, 65536U}) {
    out.clear();
    pack_text(out, std::string(size, 'x'));
    const std::size_t head = size < 32 ? 1 : size < 256 ? 2 : size < 65536 ? 3 : 5;
    EXPECT_EQ(out.size(), size + head);
  }
  out.clear();
  std::map<std::string, std::string> members;
  for (char c = 'a'; c < 'q'; ++c) members[std::string(1, c)] = "";
  pack_map(out, members);
  EXPECT_TRUE(out.starts_with(std::string("\xde\0\x10", 3)));
  out.clear();
  pack_time(out, 1'000'000'002, true);
  EXPECT_EQ(out, std::string("\xd7\0\0\0\0\1\0\0\0\2", 10));
}

}  // namespace
}  // namespace gantry::fluentd
