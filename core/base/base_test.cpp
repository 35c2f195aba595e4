#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <latch>
#include <stdexcept>
#include <vector>

#include "base/async.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "base/timestamp.hpp"
#include "gantry/base64.hpp"

namespace gantry {
namespace {

TEST(Base64, PadsWhatDoesNotFit) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("\xfb\xff", kBase64Url), "-_8=");
}

TEST(Base64, IsReadInBothAlphabetsWithAndWithoutItsEnd) {
  EXPECT_EQ(base64_decode("Zg=="), "f");
  EXPECT_EQ(base64_decode("Zg"), "f");
  EXPECT_EQ(base64_decode("Zm\r\n9v\n"), "foo");
  EXPECT_EQ(base64_decode("+/8="), "\xfb\xff");
  EXPECT_EQ(base64_decode("-_8"), "\xfb\xff");
  EXPECT_EQ(base64_decode(""), "");
  for (const char* text : {"Z", "Zm9vZ", "Zg=v", "Zm 9v", "\xff\xff"}) EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(Id, IsSixtyFourHexDigitsAndNew) {
  const std::string id = random_id();
  EXPECT_EQ(id.size(), 64U);
  EXPECT_TRUE(is_hex(id));
  EXPECT_NE(id, random_id());
  EXPECT_FALSE(is_hex("0G"));
}

TEST(Digest, KnowsTheEmptyTextAndPieces) {
  EXPECT_EQ(sha256_digest(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 pieces;
  pieces.update(std::as_bytes(std::span{std::string_view{"ab"}}));
  pieces.update(std::as_bytes(std::span{std::string_view{"c"}}));
  EXPECT_EQ(pieces.digest(), sha256_digest("abc"));
  EXPECT_TRUE(is_sha256_digest(sha256_digest("x")));
  EXPECT_FALSE(is_sha256_digest("sha256:../../etc/passwd"));
}

TEST(Time, RoundTripsThroughRfc3339) {
  EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(1'500'000'000), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(parse_rfc3339("1970-01-01T01:00:01.5+01:00"), 1'500'000'000);
  const Nanoseconds time = now();
  EXPECT_EQ(parse_rfc3339(format_rfc3339(time)), time);
  for (const char* bad : {"", "1970", "1970-13-01T00:00:00Z", "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(Time, IsReadFromTheBeginOfAStamp) {
  ::setenv("TZ", "UTC-1", 1);
  ::tzset();
  EXPECT_EQ(parse_timestamp("1970-01-02Z"), Nanoseconds{86400} * 1'000'000'000);
  EXPECT_EQ(parse_timestamp("1970-01-01T02+01:00"), Nanoseconds{3600} * 1'000'000'000);
  EXPECT_EQ(parse_timestamp("1970-01-01T02:30:00.5Z"), Nanoseconds{9000} * 1'000'000'000 + 500'000'000);
  EXPECT_EQ(parse_timestamp("1970-01-02"), Nanoseconds{86400 - 3600} * 1'000'000'000) << "in local time";
  EXPECT_EQ(parse_timestamp("1970-01-01T02:30"), Nanoseconds{9000 - 3600} * 1'000'000'000);
  for (const char* bad : {"", "1970", "1970-01", "1970-01-01T", "1970-01-01T1", "1970-13-01", "1970-01-01x", "10m"}) {
    EXPECT_FALSE(parse_timestamp(bad)) << bad;
  }
  ::unsetenv("TZ");
  ::tzset();
}

TEST(File, IsReplacedAsAWhole) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("gantry-" + random_id());
  std::filesystem::create_directory(folder);
  write_file_atomically(folder / "a", "one");
  write_file_atomically(folder / "a", "two");
  EXPECT_EQ(read_file(folder / "a"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder}, {}), 1);
  EXPECT_THROW(read_file(folder / "b"), Error);
  EXPECT_THROW(read_file(folder / "a", 2), Error);
  std::filesystem::remove_all(folder);
}

TEST(File, IsOverwrittenInPlace) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("gantry-" + random_id());
  std::filesystem::create_directory(folder);
  const std::filesystem::path file = folder / "a";
  write_file_in_place(file, "long one");
  std::filesystem::create_hard_link(file, folder / "b");
  for (const char* text : {"one", "", "a longer one"}) {
    write_file_in_place(file, text);
    EXPECT_EQ(read_file(folder / "b"), text);
  }
  std::filesystem::remove_all(folder);
}

TEST(Async, MutexIsHandedOverInOrder) {
  asio::io_context context;
  AsyncMutex mutex;
  std::vector<int> order;
  const auto worker = [&](int number) -> awaitable<void> {
    const auto lock = co_await mutex.lock();
    order.push_back(number);
    co_await asio::post(context, asio::use_awaitable);
    order.push_back(number);
  };
  for (int number : {1, 2, 3}) asio::co_spawn(context, worker(number), asio::detached);
  context.run();
  EXPECT_THAT(order, ::testing::ElementsAre(1, 1, 2, 2, 3, 3));
  EXPECT_FALSE(mutex.locked());
}

TEST(Async, WorkersBringBackResultsAndErrors) {
  asio::io_context context;
  Workers workers{1, 1};
  int result = 0;
  bool failed = false;
  const auto main = [&]() -> awaitable<void> {
    result = co_await workers.run(Pool::quick, [] { return 42; });
    try {
      co_await workers.run(Pool::slow, [] { throw Error{Errc::io, "broken"}; });
    } catch (const Error& error) {
      failed = error.code() == Errc::io;
    }
  };
  asio::co_spawn(context, main(), asio::detached);
  context.run();
  EXPECT_EQ(result, 42);
  EXPECT_TRUE(failed);
}

TEST(Async, WorkersThatAreStuckDoNotKeepOthersWaiting) {
  asio::io_context context;
  Workers workers{2, 1, 8};
  std::latch open{1};
  for (int stuck = 0; stuck < 5; ++stuck) workers.post(Pool::quick, [&] { open.wait(); });
  int result = 0;
  const auto main = [&]() -> awaitable<void> { result = co_await workers.run(Pool::quick, [] { return 42; }); };
  asio::co_spawn(context, main(), asio::detached);
  context.run_for(std::chrono::seconds{10});
  EXPECT_EQ(result, 42);
  EXPECT_EQ(workers.threads(Pool::quick), 6U);
  for (int more = 0; more < 20; ++more) workers.post(Pool::quick, [&] { open.wait(); });
  EXPECT_EQ(workers.threads(Pool::quick), 8U);
  open.count_down();
}

}  // namespace
}  // namespace gantry
