#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "terminal/detach_keys.hpp"
#include "terminal/progress.hpp"
#include "terminal/stdcopy.hpp"

namespace gantry::cli {
namespace {

std::string frame(char stream, const std::string& payload) {
  std::string head{stream, 0, 0, 0, 0, 0, static_cast<char>(payload.size() >> 8U), static_cast<char>(payload.size())};
  return head + payload;
}

struct Copies {
  std::string out;
  std::string err;
  Demultiplexer demultiplexer{[this](int stream, std::string_view bytes) { (stream == 2 ? err : out) += bytes; }};
};

TEST(Demultiplexer, TakesStreamsApartHoweverTheyAreCut) {
  const std::string all = frame(1, "hello ") + frame(2, "oops") + frame(1, "") + frame(1, std::string(300, 'x'));
  for (std::size_t piece = 1; piece < 20; ++piece) {
    Copies copies;
    for (std::size_t i = 0; i < all.size(); i += piece) {
      copies.demultiplexer.feed(std::string_view(all).substr(i, piece));
    }
    EXPECT_EQ(copies.out, "hello " + std::string(300, 'x'));
    EXPECT_EQ(copies.err, "oops");
  }
}

TEST(Demultiplexer, RefusesWhatIsNoFrame) {
  Copies copies;
  EXPECT_THROW(copies.demultiplexer.feed("plain text"), Failure);
}

TEST(DetachKeys, AreReadAndFound) {
  EXPECT_EQ(parse_detach_keys("ctrl-p,ctrl-q"), "\x10\x11");
  EXPECT_EQ(parse_detach_keys("a,ctrl-[,DEL"), "a\x1b\x7f");
  EXPECT_THROW(parse_detach_keys("ctrl-"), Failure);
  DetachFilter filter("\x10\x11");
  EXPECT_EQ(filter.feed("ab\x10"), "ab");
  EXPECT_EQ(filter.feed("c"),
            "\x10"
            "c");
  EXPECT_EQ(filter.feed("\x10\x10"), "\x10");
  EXPECT_FALSE(filter.detached());
  EXPECT_EQ(filter.feed("\x11rest"), "");
  EXPECT_TRUE(filter.detached());
}

std::string drawn(const std::string& stream, unsigned columns) {
  std::string out;
  ProgressPrinter printer([&](std::string_view bytes) { out += bytes; }, columns);
  for (const char c : stream) printer.feed({&c, 1});
  return out;
}

constexpr const char* kPull =
    "{\"status\":\"Pulling from x\",\"id\":\"1\"}\r\n"
    "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"aa\"}\r\n"
    "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"bb\"}\r\n"
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1000000,\"total\":2000000},\"id\":\"aa\"}\r\n"
    "{\"status\":\"Digest: sha256:0\"}\r\n";

TEST(Progress, PrintsLinesWhereThereIsNoTerminal) {
  EXPECT_EQ(drawn(kPull, 0), "1: Pulling from x\naa: Pulling fs layer\nbb: Pulling fs layer\nDigest: sha256:0\n");
}

TEST(Progress, StaysOnItsLineOfATerminal) {
  EXPECT_EQ(drawn(kPull, 80),
            "1: Pulling from x\n"
            "\n\x1b[1A\x1b[2K\raa: Pulling fs layer\r\x1b[1B"
            "\n\x1b[1A\x1b[2K\rbb: Pulling fs layer\r\x1b[1B"
            "\x1b[2A\x1b[2K\raa: Downloading      1MB/2MB\r\x1b[2B"
            "Digest: sha256:0\n");
}

TEST(Progress, DrawsABarIfThereIsRoom) {
  EXPECT_EQ(progress_bar({{"current", 1'000'000}, {"total", 2'000'000}}, 120),
            "[" + std::string(25, '=') + ">" + std::string(25, ' ') + "]      1MB/2MB");
  EXPECT_EQ(progress_bar({{"current", 5}, {"total", 0}}, 80), "      5B");
}

TEST(Progress, EndsWithTheDaemonsError) {
  EXPECT_THROW(drawn("{\"errorDetail\":{\"message\":\"no space\"},\"error\":\"no space\"}\n", 0), Failure);
}

}  // namespace
}  // namespace gantry::cli
