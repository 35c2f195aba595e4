#include "driver.hpp"

#include <gmock/gmock.h>

#include "../log-files/test_call.hpp"
#include "json_line.hpp"

namespace gantry::json_file {
namespace {

using log::v1::ReadRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class JsonFile : public log_files::DriverTest<Driver> {
 protected:
  static std::string line(const std::string& text, int second = 0, const char* stream = "stdout") {
    return R"({"log":")" + text + R"(\n","stream":")" + stream + R"(","time":"2026-01-01T00:00:0)" +
           std::to_string(second) + "Z\"}\n";
  }
};

TEST_F(JsonFile, ReadsWhatIsThereAndWhatComes) {
  append(line("a") + line("b"));
  const auto reader = cursor();
  EXPECT_THAT(drain(*reader), ElementsAre("a", "b"));
  const std::string late = line("c");
  append(late.substr(0, 10));
  EXPECT_THAT(drain(*reader), IsEmpty());
  append(late.substr(10));
  EXPECT_THAT(drain(*reader), ElementsAre("c"));
}

TEST_F(JsonFile, GoesOnWhenTheLogIsCleared) {
  append(line("old"), ".1");
  append(line("one") + line("two"));
  const auto reader = cursor();
  EXPECT_EQ(drain(*reader).size(), 3U);
  driver_.clear(subject_, {}, call_);
  append(line("three"));
  EXPECT_THAT(drain(*reader), ElementsAre("three"));
  EXPECT_THAT(drain(*cursor()), ElementsAre("three"));
}

TEST_F(JsonFile, IsEmptyWithoutAFile) {
  const auto reader = cursor();
  EXPECT_THAT(drain(*reader), IsEmpty());
  append(line("a"));
  EXPECT_THAT(drain(*reader), ElementsAre("a"));
}

TEST_F(JsonFile, ChoosesStreams) {
  append(line("out") + line("err", 0, "stderr"));
  ReadRequest request;
  request.want_stdout = false;
  EXPECT_THAT(drain(*cursor(request)), ElementsAre("err"));
}

TEST_F(JsonFile, TailReachesIntoRotatedFiles) {
  append(line("a") + line("b"), ".2");
  append(line("c"), ".1");
  append(line("d") + line("e"));
  for (const auto& [count, wanted] :
       std::vector<std::pair<std::uint64_t, std::vector<std::string>>>{{0, {}},
                                                                       {1, {"e"}},
                                                                       {2, {"d", "e"}},
                                                                       {3, {"c", "d", "e"}},
                                                                       {4, {"b", "c", "d", "e"}},
                                                                       {9, {"a", "b", "c", "d", "e"}}}) {
    ReadRequest request;
    request.tail = count;
    EXPECT_EQ(drain(*cursor(request)), wanted) << count;
  }
}

TEST_F(JsonFile, FollowsThroughRotation) {
  append(line("a"));
  const auto reader = cursor();
  EXPECT_THAT(drain(*reader), ElementsAre("a"));
  append(line("b"));
  std::filesystem::rename(plan_.path, plan_.path + ".1");
  append(line("c"));
  EXPECT_THAT(drain(*reader), ElementsAre("b", "c"));
}

TEST_F(JsonFile, KeepsToItsTimes) {
  append(line("a", 1) + line("b", 2) + line("c", 3) + line("d", 4));
  ReadRequest request;
  request.since = parse_time("2026-01-01T00:00:02Z");
  request.until = parse_time("2026-01-01T00:00:03Z");
  const auto reader = cursor(request);
  EXPECT_THAT(drain(*reader), ElementsAre("b", "c"));
  EXPECT_TRUE(reader->finished());
}

TEST_F(JsonFile, SkipsTornLines) {
  append(line("a") + "{\"log\":\"to\n" + line("b"));
  EXPECT_THAT(drain(*cursor()), ElementsAre("a", "b"));
}

TEST_F(JsonFile, TailsABigFileFromItsEnd) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += line("line " + std::to_string(i));
  append(text);
  ReadRequest request;
  request.tail = 5000;
  const auto texts = drain(*cursor(request));
  ASSERT_EQ(texts.size(), 5000U);
  EXPECT_EQ(texts.front(), "line 15000");
}

TEST_F(JsonFile, TellsAttributesTimesAndParts) {
  append(R"({"log":"part","stream":"stderr","attrs":{"b":"1","a":"2"},"time":"2026-01-01T00:00:00.5Z"})"
         "\n");
  std::vector<log::v1::Entry> entries;
  cursor()->next(entries, call_);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries[0].partial);
  EXPECT_TRUE(entries[0].from_stderr);
  EXPECT_EQ(entries[0].time % 1'000'000'000, 500'000'000);
  EXPECT_THAT(entries[0].attributes, ElementsAre(Pair("a", "2"), Pair("b", "1")));
}

TEST_F(JsonFile, ChecksItsOptionsInDockerdsWords) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({{"foo", "1"}}), "unknown log opt 'foo' for json-file log driver");
  EXPECT_EQ(refusal({{"max-size", "1x"}}), "invalid size: '1x'");
  EXPECT_EQ(refusal({{"max-size", "0"}}), "max-size must be a positive number");
  EXPECT_EQ(refusal({{"max-size", "1k"}, {"max-file", "0"}}), "max-file cannot be less than 1");
  EXPECT_EQ(refusal({{"max-file", "x"}}), "strconv.Atoi: parsing \"x\": invalid syntax");
  EXPECT_EQ(refusal({{"max-file", "1001"}}), "invalid value for max-file: '1001'");
  EXPECT_EQ(refusal({{"compress", "x"}}), "strconv.ParseBool: parsing \"x\": invalid syntax");
  EXPECT_EQ(refusal({{"compress", "true"}}),
            "compress cannot be true when max-file is less than 2 or max-size is not set");
  EXPECT_EQ(refusal({{"compress", "true"}, {"max-size", "1m"}}),
            "compress cannot be true when max-file is less than 2 or max-size is not set");
  EXPECT_EQ(refusal({{"tag", "{{"}}), "template: log-tag:1: unclosed action");
}

TEST_F(JsonFile, PlansWithinBounds) {
  EXPECT_EQ(plan_.writer, "json-file");
  EXPECT_EQ(plan_.path, folder_ / (subject_.id + "-json.log"));
  EXPECT_EQ(plan_.max_size, 20U << 20);
  EXPECT_EQ(plan_.max_files, 5U);
  EXPECT_EQ(plan_for({{"max-size", "10m"}}).max_size, 10'000'000U);
  EXPECT_EQ(plan_for({{"max-size", "10m"}}).max_files, 1U);
  EXPECT_EQ(plan_for({{"max-size", "-1"}}).max_size, 0U);
  EXPECT_TRUE(plan_for({{"max-size", "1k"}, {"max-file", "2"}, {"compress", "true"}}).compress);
}

TEST_F(JsonFile, PlansAttributes) {
  subject_.labels = {{"a", "<1>"}};
  subject_.env = {"X=\xff"};
  EXPECT_EQ(plan_for({}).attributes, "");
  EXPECT_EQ(plan_for({{"labels", "a"}, {"env", "X"}, {"tag", "{{.Name}}"}}).attributes,
            "{\"X\":\"\xef\xbf\xbd\",\"a\":\"\\u003c1\\u003e\",\"tag\":\"web\"}");
}

}  // namespace
}  // namespace gantry::json_file
