#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include "base/log_settings.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"
#include "logger/compress.hpp"
#include "logger/losses.hpp"
#include "logger/pump.hpp"

namespace gantry::logger {
namespace {

namespace fs = std::filesystem;

class Compress : public ::testing::Test {
 protected:
  Compress() {
    std::string name = (fs::temp_directory_path() / "gantry-logger-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Compress() override { fs::remove_all(folder_); }

  static std::string unpacked(const fs::path& path) {
    const gzFile file = ::gzopen(path.c_str(), "rb");
    std::string out(1 << 22, '\0');
    out.resize(static_cast<std::size_t>(::gzread(file, out.data(), static_cast<unsigned>(out.size()))));
    ::gzclose(file);
    return out;
  }

  fs::path folder_;
};

TEST_F(Compress, PutsTheCompressedFileInItsPlace) {
  const fs::path path = folder_ / "x.log.1";
  std::string text;
  for (int i = 0; i < 50000; ++i) text += "line " + std::to_string(i) + "\n";
  std::ofstream(path) << text;
  fs::permissions(path, fs::perms{0640});
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  const UniqueFd file(::open(path.c_str(), O_RDONLY));
  compress(file.get(), path);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(unpacked(path.string() + ".gz"), text);
  EXPECT_EQ(fs::status(path.string() + ".gz").permissions(), fs::perms{0640});
  std::ifstream packed{path.string() + ".gz"};
  std::string head(64, '\0');
  packed.read(head.data(), 64);
  EXPECT_EQ(head.substr(10).c_str(), "inode=" + std::to_string(facts.st_ino) + " mtime=" +
                                         std::to_string(facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec));
}

TEST_F(Compress, BringsNothingBackThatWasCleared) {
  const fs::path path = folder_ / "x.log.1";
  std::ofstream(path) << "text";
  const UniqueFd file(::open(path.c_str(), O_RDONLY));
  fs::remove(path);
  compress(file.get(), path);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Compress, LeavesTheFileIfItCannot) {
  const fs::path path = folder_ / "x.log.1";
  std::ofstream(path) << "text";
  const UniqueFd file(::open(path.c_str(), O_RDONLY));
  fs::create_directories(path.string() + ".gz/taken");
  EXPECT_THROW(compress(file.get(), path), Error);
  EXPECT_TRUE(fs::exists(path));
  EXPECT_FALSE(fs::exists(path.string() + ".gz.draft"));
}

/// Keeps what it is given; "bad" it does not take.
class Listener : public log::v1::Writer {
 public:
  void open(const Options& settings) override { settings_ = settings; }
  void write(const log::v1::Entry& entry) override {
    if (entry.text == "bad") throw Error{Errc::io, "a bad one"};
    texts_.push_back(entry.text);
  }
  void close() override {
    closed_ = true;
    if (!last_words_.empty()) throw Error{Errc::io, last_words_};
  }

  Options settings_;
  std::vector<std::string> texts_;
  std::string last_words_;
  bool closed_{};
};

TEST(Pump, GivesSettingsAndEntriesToTheWriter) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd reader{ends[0]};
  UniqueFd writer{ends[1]};
  const Options settings{{"a", "1"}, {"b", ""}};
  const std::string head = encode_log_settings(settings);
  std::string bytes;
  log::v1::record::put_length(bytes, static_cast<std::uint32_t>(head.size()));
  bytes += head;
  for (const char* const text : {"one", "bad", "two"}) {
    log::v1::Entry entry;
    entry.text = text;
    log::v1::append_record(bytes, entry);
  }
  bytes += std::string("\0\0\1", 3);  // cut off
  ASSERT_EQ(::write(writer.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  writer.reset();
  Listener listener;
  listener.last_words_ = "no goodbye";
  std::string complaints;
  PumpSettings around;
  around.complain = [&](const std::string& reason) { complaints += reason; };
  around.cannot_end = [&](const std::string& reason) { complaints += ", " + reason; };
  std::atomic<std::uint64_t> done{0};
  around.done = &done;
  pump(reader.get(), listener, around);
  EXPECT_EQ(listener.settings_, settings);
  EXPECT_EQ(listener.texts_, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(complaints, "a bad one, no goodbye");
  EXPECT_TRUE(listener.closed_);
  EXPECT_EQ(done, 2U) << "the bad one counts when it was told";
}

/// As one whose server takes nothing: until it is released.
class Stuck : public Listener {
 public:
  void write(const log::v1::Entry& entry) override {
    released_.get_future().wait();
    Listener::write(entry);
  }
  std::promise<void> released_;
};

TEST(Pump, CountsWhatAStuckWriterDoesNotTakeAfterTheInputsEnd) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd reader{ends[0]};
  UniqueFd writer{ends[1]};
  std::string bytes;
  log::v1::record::put_length(bytes, 0);
  for (const char* const text : {"one", "two", "three"}) {
    log::v1::Entry entry;
    entry.text = text;
    log::v1::append_record(bytes, entry);
  }
  ASSERT_EQ(::write(writer.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  writer.reset();
  Stuck stuck;
  std::uint64_t lost = 0;
  PumpSettings around;
  around.patience = std::chrono::milliseconds{20};
  around.late = [&](std::uint64_t left) {
    lost = left;
    stuck.released_.set_value();
  };
  pump(reader.get(), stuck, around);
  EXPECT_EQ(lost, 3U);
}

class ToldLosses : public Compress {
 protected:
  [[nodiscard]] std::set<std::string> told() const {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().filename().string().starts_with('.')) continue;
      std::ifstream file{entry.path()};
      out.insert({std::istreambuf_iterator<char>{file}, {}});
    }
    return out;
  }

  std::atomic<std::uint64_t> done_{0};
};

TEST_F(ToldLosses, AreFilesThatAreWhole) {
  Losses losses{folder_, "c1", "/x.so"};
  EXPECT_TRUE(losses.by_predecessor(0));
  losses.dropped(3);
  losses.failed("no\nserver");
  losses.failed("no server");
  losses.failed("gone");
  losses.at_end(7);
  EXPECT_EQ(told(),
            (std::set<std::string>{
                "container c1: 1 line of its log was lost: no server",
                "container c1: 2 lines of its log were lost, the last one: gone",
                "container c1: 3 lines of its log were lost: the log driver /x.so did not take them as fast as they "
                "came, and mode=non-blocking drops what does not fit max-buffer-size",
                "container c1: 7 lines of its log were lost: the log driver /x.so did not take them in time after "
                "the container's end"}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 4) << "no draft is left";
}

TEST_F(ToldLosses, AreToldAgainByThemselves) {
  Losses losses{folder_, "c1", "/x.so"};
  losses.set_interval(std::chrono::milliseconds{1});
  losses.count_told_in(&done_);
  losses.failed("first");
  EXPECT_EQ(done_, 1U);
  losses.failed("second");
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (done_ != 2 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_TRUE(told().contains("container c1: 1 line of its log was lost: second"));
}

TEST_F(ToldLosses, AreToldLaterIfTheyCannotBeToldAtOnce) {
  const fs::path away = folder_.string() + ".away";
  fs::rename(folder_, away);
  Losses losses{folder_, "c1", "/x.so"};
  losses.set_interval(std::chrono::milliseconds{1});
  losses.count_told_in(&done_);
  losses.failed("first");
  EXPECT_EQ(done_, 0U);
  fs::rename(away, folder_);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (done_ != 1 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_TRUE(told().contains("container c1: 1 line of its log was lost: first"));
}

TEST_F(ToldLosses, CountWhenTheyAreTold) {
  {
    Losses losses{folder_, "c1", "/x.so"};
    losses.count_told_in(&done_);
    for (const char* const reason : {"first", "second", "third"}) losses.failed(reason);
    EXPECT_EQ(done_, 1U) << "were this process killed now, nobody would have heard of the others";
  }
  EXPECT_EQ(done_, 3U);
  EXPECT_TRUE(told().contains("container c1: 2 lines of its log were lost, the last one: third"));
}

TEST(Pump, CountsUpToWhatIsNoRecord) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd reader{ends[0]};
  UniqueFd writer{ends[1]};
  std::string bytes;
  log::v1::record::put_length(bytes, 0);
  for (const char* const text : {"one", "two"}) {
    log::v1::Entry entry;
    entry.text = text;
    log::v1::append_record(bytes, entry);
  }
  bytes += "\x7f\xff\xff\xff";  // longer than any
  ASSERT_EQ(::write(writer.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  writer.reset();
  Stuck stuck;
  std::uint64_t lost = 0;
  PumpSettings around;
  around.patience = std::chrono::milliseconds{20};
  around.late = [&](std::uint64_t left) {
    lost = left;
    stuck.released_.set_value();
  };
  EXPECT_THROW(pump(reader.get(), stuck, around), Error);
  EXPECT_EQ(lost, 2U);
}

TEST(Pump, RefusesSettingsThatAreCutOff) {
  for (const std::string& bytes : {std::string("\0\0", 2), std::string("\0\0\0\7xxx", 7)}) {
    EXPECT_THROW((void)decode_log_settings(bytes), Error);
  }
}

}  // namespace
}  // namespace gantry::logger
