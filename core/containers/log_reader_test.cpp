#include "containers/log_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/id.hpp"

namespace gantry::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogReaderTest : public ::testing::Test {
 protected:
  LogReaderTest() { std::filesystem::create_directory(folder_); }
  ~LogReaderTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ / "log"; }

  static std::string line(const std::string& text, int second = 0, const char* stream = "stdout") {
    return R"({"log":")" + text + R"(\n","stream":")" + stream + R"(","time":"2026-01-01T00:00:0)" +
           std::to_string(second) + "Z\"}\n";
  }

  void append(const std::string& text, const std::string& suffix = "") const {
    std::ofstream(path() + suffix, std::ios::app) << text;
  }

  static LogRequest both() {
    LogRequest request;
    request.stdout_wanted = request.stderr_wanted = true;
    return request;
  }

  static std::vector<std::string> drain(LogReader& reader) {
    std::vector<std::string> texts;
    for (auto entries = reader.next(); !entries.empty(); entries = reader.next()) {
      for (const auto& entry : entries) texts.push_back(entry.text);
    }
    return texts;
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("gantry-log-" + random_id());
};

TEST_F(LogReaderTest, GoesOnWhenTheLogIsCleared) {
  append(line("one") + line("two"));
  LogReader reader{path(), both()};
  EXPECT_EQ(drain(reader).size(), 2U);
  std::filesystem::resize_file(path(), 0);
  append(line("three"));
  EXPECT_THAT(drain(reader), ElementsAre("three\n"));
}

TEST_F(LogReaderTest, ReadsWhatIsThereAndWhatComes) {
  append(line("a") + line("b"));
  LogReader reader{path(), both()};
  EXPECT_THAT(drain(reader), ElementsAre("a\n", "b\n"));
  const std::string late = line("c");
  append(late.substr(0, 10));
  EXPECT_THAT(drain(reader), IsEmpty());
  append(late.substr(10));
  EXPECT_THAT(drain(reader), ElementsAre("c\n"));
}

TEST_F(LogReaderTest, IsEmptyWithoutAFile) {
  LogReader reader{path(), both()};
  EXPECT_THAT(drain(reader), IsEmpty());
  append(line("a"));
  EXPECT_THAT(drain(reader), ElementsAre("a\n"));
}

TEST_F(LogReaderTest, ChoosesStreams) {
  append(line("out") + line("err", 0, "stderr"));
  LogRequest request;
  request.stderr_wanted = true;
  LogReader reader{path(), request};
  EXPECT_THAT(drain(reader), ElementsAre("err\n"));
}

TEST_F(LogReaderTest, TailReachesIntoRotatedFiles) {
  append(line("a") + line("b"), ".2");
  append(line("c"), ".1");
  append(line("d") + line("e"));
  for (const auto& [count, wanted] :
       std::vector<std::pair<std::uint64_t, std::vector<std::string>>>{{0, {}},
                                                                       {1, {"e\n"}},
                                                                       {2, {"d\n", "e\n"}},
                                                                       {3, {"c\n", "d\n", "e\n"}},
                                                                       {4, {"b\n", "c\n", "d\n", "e\n"}},
                                                                       {9, {"a\n", "b\n", "c\n", "d\n", "e\n"}}}) {
    LogRequest request = both();
    request.tail = count;
    LogReader reader{path(), request};
    EXPECT_EQ(drain(reader), wanted) << count;
  }
}

TEST_F(LogReaderTest, FollowsThroughRotation) {
  append(line("a"));
  LogReader reader{path(), both()};
  EXPECT_THAT(drain(reader), ElementsAre("a\n"));
  append(line("b"));
  std::filesystem::rename(path() + "", path() + ".1");
  append(line("c"));
  EXPECT_THAT(drain(reader), ElementsAre("b\n", "c\n"));
}

TEST_F(LogReaderTest, KeepsToItsTimes) {
  append(line("a", 1) + line("b", 2) + line("c", 3) + line("d", 4));
  LogRequest request = both();
  request.since = *parse_rfc3339("2026-01-01T00:00:02Z");
  request.until = *parse_rfc3339("2026-01-01T00:00:03Z");
  LogReader reader{path(), request};
  EXPECT_THAT(drain(reader), ElementsAre("b\n", "c\n"));
  EXPECT_TRUE(reader.finished());
}

TEST_F(LogReaderTest, SkipsTornLines) {
  append(line("a") + "{\"log\":\"to\n" + line("b"));
  LogReader reader{path(), both()};
  EXPECT_THAT(drain(reader), ElementsAre("a\n", "b\n"));
}

TEST_F(LogReaderTest, TailsABigFileFromItsEnd) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += line("line " + std::to_string(i));
  append(text);
  LogRequest request = both();
  request.tail = 5000;
  LogReader reader{path(), request};
  const auto texts = drain(reader);
  ASSERT_EQ(texts.size(), 5000U);
  EXPECT_EQ(texts.front(), "line 15000\n");
}

}  // namespace
}  // namespace gantry::containers
