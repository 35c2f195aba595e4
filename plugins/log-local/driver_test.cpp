#include "driver.hpp"

#include <gmock/gmock.h>

#include "../log-files/test_call.hpp"
#include "gantry/log_record.hpp"

namespace gantry::log_local {
namespace {

using log::v1::ReadRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Local : public log_files::DriverTest<Driver> {
 protected:
  static std::string record(const std::string& text, std::int64_t time = 1) {
    log::v1::Entry entry;
    entry.text = text;
    entry.time = time;
    std::string out;
    log::v1::append_record(out, entry);
    log::v1::record::put_length(out, static_cast<std::uint32_t>(out.size() - 4));
    return out;
  }
};

TEST_F(Local, ReadsWhatDockerdWrote) {
  // `docker run --log-driver local busybox echo hi`, dockerd 26.1
  static constexpr char kBytes[] =
      "\0\0\0\x16\x0a\x06stdout\x10\xa6\xdd\xf1\xfe\xa3\xd7\xec\xf5\x18\x1a\x02hi\0\0\0\x16";
  append({kBytes, sizeof kBytes - 1});
  std::vector<log::v1::Entry> entries;
  cursor()->next(entries, call_);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].text, "hi");
  EXPECT_FALSE(entries[0].from_stderr);
  EXPECT_EQ(entries[0].time / 1'000'000'000, 1795725389);
  std::string again;
  log::v1::append_record(again, entries[0]);
  EXPECT_EQ(again, std::string(kBytes, sizeof kBytes - 5));
}

TEST_F(Local, ReadsWhatIsThereAndWhatComes) {
  const auto reader = cursor();
  EXPECT_THAT(drain(*reader), IsEmpty());
  append(record("a") + record(""));
  EXPECT_THAT(drain(*reader), ElementsAre("a", ""));
  const std::string late = record("c");
  append(late.substr(0, late.size() - 1));
  EXPECT_THAT(drain(*reader), IsEmpty());
  append(late.substr(late.size() - 1));
  EXPECT_THAT(drain(*reader), ElementsAre("c"));
}

TEST_F(Local, TailReachesIntoRotatedFiles) {
  append(record("a") + record("b"), ".1");
  append(record("c"));
  for (const auto& [count, wanted] : std::vector<std::pair<std::uint64_t, std::vector<std::string>>>{
           {0, {}}, {1, {"c"}}, {2, {"b", "c"}}, {9, {"a", "b", "c"}}}) {
    ReadRequest request;
    request.tail = count;
    EXPECT_EQ(drain(*cursor(request)), wanted) << count;
  }
}

TEST_F(Local, FindsTheNextRecordBehindDamage) {
  append(record("a") + record("torn").substr(0, 9) + record("b") + record("c"));
  EXPECT_THAT(drain(*cursor()), ElementsAre("a", "b", "c"));
}

TEST_F(Local, ChecksItsOptionsInDockerdsWords) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({{"labels", "1"}}), "unknown log opt 'labels' for log driver local");
  EXPECT_EQ(refusal({{"max-size", "x"}}), "invalid value for max-size: x: invalid size: 'x'");
  EXPECT_EQ(refusal({{"max-file", "x"}}), "invalid value for max-file: x: strconv.Atoi: parsing \"x\": invalid syntax");
  EXPECT_EQ(refusal({{"max-file", "0"}}), "compression cannot be enabled when max file count is 1");
  EXPECT_EQ(refusal({{"compress", "x"}}),
            "error reading compress log option: strconv.ParseBool: parsing \"x\": invalid syntax");
  EXPECT_EQ(refusal({{"max-file", "1"}, {"compress", "false"}}), "");
}

TEST_F(Local, PlansAsDockerd) {
  EXPECT_EQ(plan_.writer, "local");
  EXPECT_EQ(plan_.path, folder_ / "local-logs/container.log");
  EXPECT_EQ(plan_.max_files, 5U);
  EXPECT_TRUE(plan_.compress);
}

}  // namespace
}  // namespace gantry::log_local
