#include "gantry/log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gantry/log_record.hpp"
#include "subject.hpp"

namespace gantry::conformance {

namespace fs = std::filesystem;
using log::v1::Entry;
using log::v1::Plan;

/// A container that logs by the driver under test. What a runtime writes is written here, as the plan asks for it.
class Log : public Suite<log::v1::Driver> {
 protected:
  void SetUp() override {
    Suite::SetUp();
    if (IsSkipped()) return;
    subject_.id = std::string(64, 'a');
    subject_.name = "web";
    subject_.image_id = "sha256:" + std::string(64, 'b');
    subject_.image_name = "busybox";
    subject_.command = {"true"};
    subject_.env = {"A=1"};
    subject_.labels = {{"label", "1"}};
    subject_.daemon_name = "docker";
    subject_.directory = scratch() / subject_.id;
    fs::create_directory(subject_.directory);
  }

  /// Nothing if the driver cannot work without options (a server's address).
  std::optional<Plan> plan() {
    Plan out;
    try {
      driver().plan(subject_, {}, out, call());
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Errc::unavailable || error.code() == Errc::unsupported ||
                  error.code() == Errc::invalid)
          << error.what();
      return std::nullopt;
    }
    return out;
  }

  static std::string as_written(const Plan& plan, const std::string& text, std::int64_t second, bool from_stderr) {
    std::string out;
    if (plan.writer == "json-file") {
      return "{\"log\":\"" + text + "\\n\",\"stream\":\"" + (from_stderr ? "stderr" : "stdout") +
             "\",\"time\":\"1970-01-01T00:00:0" + std::to_string(second) + "Z\"}\n";
    }
    Entry entry;
    entry.text = text;
    entry.from_stderr = from_stderr;
    entry.time = second * 1'000'000'000;
    log::v1::append_record(out, entry);
    log::v1::record::put_length(out, static_cast<std::uint32_t>(out.size() - 4));
    return out;
  }

  static void write(const Plan& plan, const std::string& text, std::int64_t second, bool from_stderr = false) {
    std::ofstream(plan.path, std::ios::app | std::ios::binary) << as_written(plan, text, second, from_stderr);
  }

  /// The plan of a driver whose files this suite can write and that reads them back.
  std::optional<Plan> readable() {
    if (!can("read")) return std::nullopt;
    auto found = plan();
    if (found && found->writer != "json-file" && found->writer != "local") return std::nullopt;
    return found;
  }

  log::v1::Reader& reader() { return *static_cast<log::v1::Reader*>(driver().query(log::v1::Reader::kAbility)); }

  std::vector<Entry> read(const log::v1::ReadRequest& request = {}) {
    const auto cursor = reader().read(subject_, {}, request, call());
    return drain(*cursor);
  }

  std::vector<Entry> drain(log::v1::Cursor& cursor) {
    std::vector<Entry> all;
    std::vector<Entry> some;
    for (cursor.next(some, call()); !some.empty(); cursor.next(some, call())) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  /// What the driver puts before a text is its own business.
  static std::vector<std::string> ends(const std::vector<Entry>& entries) {
    std::vector<std::string> out;
    for (const Entry& entry : entries) out.push_back(entry.text.substr(entry.text.empty() ? 0 : entry.text.size() - 1));
    return out;
  }

  static void write_by(log::v1::Writer& writer, const std::string& text, std::int64_t second,
                       bool from_stderr = false) {
    Entry entry;
    entry.text = text;
    entry.time = second * 1'000'000'000;
    entry.from_stderr = from_stderr;
    writer.write(entry);
  }

  static std::vector<std::string> texts(const std::vector<Entry>& entries) {
    std::vector<std::string> out;
    for (const Entry& entry : entries) out.push_back(entry.text);
    return out;
  }

  log::v1::Subject subject_;
};

using Texts = std::vector<std::string>;

TEST_F(Log, RefusesAnOptionThatItDoesNotTake) {
  std::vector<OptionInfo> options;
  driver().options(options);
  const bool takes_any =
      std::ranges::none_of(options, [](const OptionInfo& option) { return option.scope == OptionScope::object; });
  try {
    driver().check({}, call());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid) << "an option that must be given: " << error.what();
  }
  if (!takes_any) EXPECT_ERRC(driver().check({{"no-such-option", "1"}}, call()), Errc::invalid);
}

TEST_F(Log, HasTheAbilitiesThatItTellsOf) {
  EXPECT_EQ(driver().query(log::v1::Reader::kAbility) != nullptr, can("read"));
  // Beside the container it is asked for in a process without the daemon's object.
  const auto other = unopened();
  EXPECT_EQ(other->query(log::v1::Writer::kAbility) != nullptr, can("write"));
}

TEST_F(Log, PlansWhatARuntimeCanDo) {
  const auto planned = plan();
  if (!planned) GTEST_SKIP() << "needs options";
  static const std::set<std::string> writers{"none", "json-file", "local", "process"};
  EXPECT_TRUE(writers.contains(planned->writer)) << planned->writer;
  EXPECT_EQ(planned->writer == "process", can("write"));
  const bool file = planned->writer == "json-file" || planned->writer == "local";
  if (file) {
    EXPECT_TRUE(planned->path.starts_with(subject_.directory + "/")) << planned->path;
    EXPECT_TRUE(fs::is_directory(fs::path(planned->path).parent_path())) << planned->path;
    EXPECT_GE(planned->max_files, 1U);
  }
  EXPECT_TRUE(planned->command.empty() && planned->compressor.empty() && planned->head.empty()) << "the daemon's";
}

TEST_F(Log, PlansTheSameAgainAlsoAfterTheDaemonsRestart) {
  const auto first = plan();
  if (!first) GTEST_SKIP() << "needs options";
  reopen();
  const auto second = plan();
  ASSERT_TRUE(second);
  EXPECT_EQ(first->writer, second->writer);
  EXPECT_EQ(first->path, second->path);
  EXPECT_EQ(first->attributes, second->attributes);
  EXPECT_EQ(first->settings, second->settings);
}

TEST_F(Log, OfAContainerThatNeverRanIsEmpty) {
  if (!can("read")) GTEST_SKIP() << "gives nothing back";
  EXPECT_TRUE(read().empty());
  EXPECT_NO_THROW(reader().clear(subject_, {}, call()));
}

TEST_F(Log, GivesBackWhatWasWrittenInOrder) {
  const auto planned = readable();
  if (!planned) GTEST_SKIP() << "no files of a runtime's";
  write(*planned, "one", 1);
  write(*planned, "two", 2, true);
  reopen();
  const auto entries = read();
  ASSERT_EQ(texts(entries), (Texts{"one", "two"}));
  EXPECT_FALSE(entries[0].from_stderr);
  EXPECT_TRUE(entries[1].from_stderr);
  EXPECT_EQ(entries[1].time, 2'000'000'000);
}

TEST_F(Log, GivesBackWhatIsAskedFor) {
  const auto planned = readable();
  if (!planned) GTEST_SKIP() << "no files of a runtime's";
  for (int second = 1; second < 5; ++second) write(*planned, std::to_string(second), second, second == 2);
  log::v1::ReadRequest request;
  request.tail = 2;
  EXPECT_EQ(texts(read(request)), (Texts{"3", "4"}));
  request = {};
  request.since = 2'000'000'000;
  request.until = 3'000'000'000;
  EXPECT_EQ(texts(read(request)), (Texts{"2", "3"}));
  request = {};
  request.want_stdout = false;
  EXPECT_EQ(texts(read(request)), (Texts{"2"}));
}

TEST_F(Log, SeesWhatComesEachEntryOnceThroughRotations) {
  const auto planned = readable();
  if (!planned) GTEST_SKIP() << "no files of a runtime's";
  write(*planned, "old", 1);
  const auto cursor = reader().read(subject_, {}, {}, call());
  EXPECT_EQ(texts(drain(*cursor)), (Texts{"old"}));
  write(*planned, "late", 2);
  fs::rename(planned->path, planned->path + ".1");
  write(*planned, "new", 3);
  EXPECT_EQ(texts(drain(*cursor)), (Texts{"late", "new"}));
  EXPECT_TRUE(drain(*cursor).empty());
  EXPECT_EQ(texts(read()), (Texts{"old", "late", "new"}));
  std::vector<std::string> watched;
  cursor->watched(watched);
  EXPECT_TRUE(std::ranges::find(watched, fs::path(planned->path).parent_path().string()) != watched.end());
}

TEST_F(Log, WritesInAProcessOfItsOwnWhatItReadsBack) {
  const auto planned = plan();
  if (!planned || planned->writer != "process") GTEST_SKIP() << "needs no process, or options";
  const auto other = unopened();
  auto* writer = static_cast<log::v1::Writer*>(other->query(log::v1::Writer::kAbility));
  ASSERT_NE(writer, nullptr);
  writer->open(planned->settings);
  write_by(*writer, "one", 1);
  write_by(*writer, "two", 2, true);
  writer->close();
  if (!can("read")) return;
  const auto entries = read();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_TRUE(entries[0].text.ends_with("one") && entries[1].text.ends_with("two"));
  EXPECT_FALSE(entries[0].from_stderr);
  EXPECT_TRUE(entries[1].from_stderr);
  EXPECT_EQ(entries[1].time, 2'000'000'000);
  reader().clear(subject_, {}, call());
  EXPECT_TRUE(read().empty());
}

TEST_F(Log, GivesBackOfAProcesssLinesWhatIsAskedFor) {
  const auto planned = plan();
  if (!planned || planned->writer != "process" || !can("read")) GTEST_SKIP() << "no lines of a process's to read back";
  const auto other = unopened();
  auto& writer = *static_cast<log::v1::Writer*>(other->query(log::v1::Writer::kAbility));
  writer.open(planned->settings);
  for (int second = 1; second < 5; ++second) write_by(writer, std::to_string(second), second, second == 2);
  log::v1::ReadRequest request;
  request.tail = 2;
  EXPECT_EQ(ends(read(request)), (Texts{"3", "4"}));
  request.tail = 0;
  EXPECT_EQ(ends(read(request)), Texts{});
  request = {};
  request.since = 2'000'000'000;
  request.until = 3'000'000'000;
  EXPECT_EQ(ends(read(request)), (Texts{"2", "3"}));
  request = {};
  request.want_stdout = false;
  EXPECT_EQ(ends(read(request)), (Texts{"2"}));
  const auto cursor = reader().read(subject_, {}, {}, call());
  EXPECT_EQ(ends(drain(*cursor)), (Texts{"1", "2", "3", "4"}));
  write_by(writer, "5", 5);
  EXPECT_EQ(ends(drain(*cursor)), (Texts{"5"})) << "what comes later is seen, once";
  EXPECT_TRUE(drain(*cursor).empty());
  std::vector<std::string> watched;
  cursor->watched(watched);
  EXPECT_FALSE(watched.empty()) << "else nobody asks for what comes later";
  for (const std::string& directory : watched) EXPECT_TRUE(fs::is_directory(directory)) << directory;
  writer.close();
}

TEST_F(Log, PlansAtOnceWithoutTouchingAnythingIfItSaysSo) {
  if (is_isolated()) GTEST_SKIP() << "nothing is instant in a process of its own";
  const auto* instant = static_cast<const log::v1::Instant*>(driver().query(log::v1::Instant::kAbility));
  ASSERT_EQ(instant != nullptr, can(log::v1::Instant::kAbility));
  if (instant == nullptr || !instant->answers_at_once({})) GTEST_SKIP() << "is called on a worker";
  ASSERT_TRUE(plan());
  EXPECT_TRUE(fs::is_empty(subject_.directory));
}

TEST_F(Log, ForgetsWhatIsCleared) {
  const auto planned = readable();
  if (!planned) GTEST_SKIP() << "no files of a runtime's";
  write(*planned, "old", 1);
  fs::rename(planned->path, planned->path + ".1");
  write(*planned, "newer", 2);
  const auto cursor = reader().read(subject_, {}, {}, call());
  EXPECT_EQ(drain(*cursor).size(), 2U);
  reader().clear(subject_, {}, call());
  EXPECT_TRUE(read().empty());
  write(*planned, "x", 3);
  EXPECT_EQ(texts(drain(*cursor)), (Texts{"x"}));
}

}  // namespace gantry::conformance
