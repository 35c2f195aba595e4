// What the shim keeps of a container's output: the file, and the process that a log driver has.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "gantry/log_record.hpp"
#include "shim/directory_fixture.hpp"
#include "shim/log_line.hpp"
#include "shim/log_writer.hpp"

namespace gantry::container_shim {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class KeptLog : public Directory {
 protected:
  PlanLog& plan(LogFormat format = LogFormat::json_file) {
    plan_.format = format;
    plan_.path = path() / "log";
    return plan_;
  }
  static std::size_t lines(const fs::path& file) {
    std::ifstream stream(file);
    std::string text;
    std::size_t count = 0;
    while (std::getline(stream, text)) ++count;
    return count;
  }
  static std::vector<log::v1::Entry> records(const fs::path& file) {
    std::ifstream stream(file);
    std::string bytes{std::istreambuf_iterator<char>{stream}, {}};
    std::vector<log::v1::Entry> out;
    for (std::string_view rest = bytes; rest.size() >= 8;) {
      const std::uint32_t length = log::v1::record::get_length(rest);
      EXPECT_TRUE(log::v1::parse_record(rest.substr(4, length), out.emplace_back()));
      EXPECT_EQ(log::v1::record::get_length(rest.substr(4 + length)), length);
      rest.remove_prefix(length + 8);
    }
    return out;
  }
  static void end_children() {
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    for (pid_t child = 0; children >> child;) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }  // as the shim does
  void TearDown() override { end_children(); }

  Loop loop_;
  PlanLog plan_;
};

TEST_F(KeptLog, JoinsPiecesOfALine) {
  LogWriter log(loop_, plan());
  log.write(false, "one ");
  log.write(true, "other\n");
  EXPECT_EQ(lines(path() / "log"), 1U);
  log.write(false, "line\ntwo\nunfinished");
  EXPECT_EQ(lines(path() / "log"), 3U);
  log.finish();
  EXPECT_EQ(lines(path() / "log"), 4U);
}

TEST_F(KeptLog, IsReadableByTheGroupWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  {
    LogWriter log(loop_, plan());
    log.write(false, "line\n");
  }
  ::umask(before);
  EXPECT_EQ(fs::status(path() / "log").permissions(), fs::perms{0640});
}

TEST_F(KeptLog, KeepsALineOfExactlyThePartialSizeWhole) {
  LogWriter log(loop_, plan());
  log.write(false, std::string(16383, 'x') + "\n");
  EXPECT_EQ(lines(path() / "log"), 1U);
  log.write(false, std::string(16384, 'x'));
  EXPECT_EQ(lines(path() / "log"), 2U);
}

TEST_F(KeptLog, StartsAfreshWithOneFile) {
  plan().max_size = 200;
  LogWriter log(loop_, plan_);
  for (int i = 0; i < 50; ++i) log.write(false, "a line of some length\n");
  EXPECT_LE(fs::file_size(path() / "log"), 300U);
  EXPECT_FALSE(fs::exists(path() / "log.1"));
}

TEST_F(KeptLog, PutsAttributesIntoEachLine) {
  plan().attributes = R"({"tag":"x"})";
  LogWriter log(loop_, plan_);
  log.write(true, "hi\n");
  std::ifstream file(path() / "log");
  std::string line;
  std::getline(file, line);
  EXPECT_TRUE(line.starts_with(R"({"log":"hi\n","stream":"stderr","attrs":{"tag":"x"},"time":"2)")) << line;
}

TEST_F(KeptLog, MarksThePartsOfALongLine) {
  LogWriter log(loop_, plan(LogFormat::local));
  log.write(false, std::string(40000, 'x') + "\nshort\n");
  log.write(true, "torn");
  log.finish();
  const auto found = records(path() / "log");
  ASSERT_EQ(found.size(), 5U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(found[i].partial);
    EXPECT_EQ(found[i].ordinal, i + 1);
    EXPECT_EQ(found[i].last, i == 2);
    EXPECT_EQ(found[i].time, found[0].time);
    EXPECT_EQ(found[i].partial_id, found[0].partial_id);
  }
  EXPECT_EQ(found[0].partial_id.size(), 64U);
  EXPECT_EQ(found[2].text.size(), 40000U - 2 * 16384);
  EXPECT_EQ(found[3].text, "short");
  EXPECT_FALSE(found[3].partial);
  EXPECT_TRUE(found[4].from_stderr);
  EXPECT_TRUE(found[4].partial);
  EXPECT_FALSE(found[4].last);
}

TEST_F(KeptLog, GrowsWhileTheRotatedFileIsBeingCompressed) {
  plan().max_size = 200;
  plan_.max_files = 3;
  plan_.compressor = {"/nonesuch"};
  LogWriter log(loop_, plan_);
  std::ofstream(path() / "log.1") << "older";
  std::ofstream(path() / "log.1.gz") << "a leftover";
  UniqueFd lock(::open((path() / "log.1").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  for (int i = 0; i < 10; ++i) log.write(false, "a line of some length\n");
  EXPECT_GT(fs::file_size(path() / "log"), 400U);
  EXPECT_FALSE(fs::exists(path() / "log.2"));
  lock.reset();
  log.write(false, "a line of some length\n");
  EXPECT_GT(fs::file_size(path() / "log.1"), 400U);
  EXPECT_EQ(fs::file_size(path() / "log.2"), 5U);
  EXPECT_TRUE(fs::exists(path() / "log.2.gz"));
}

TEST_F(KeptLog, GoesToAProcessBehindItsHeadAndToAFile) {
  plan(LogFormat::process).command = {"/bin/sh", "-c", "exec /bin/cat > " + (path() / "got").string()};
  plan_.head = "head";
  {
    LogWriter log(loop_, plan_);
    log.write(false, "one\ntwo\n");
    log.write(true, "torn");
    log.finish();
  }
  ASSERT_GT(::waitpid(-1, nullptr, 0), 0);
  std::ifstream stream(path() / "got");
  const std::string bytes{std::istreambuf_iterator<char>{stream}, {}};
  ASSERT_TRUE(bytes.starts_with(std::string("\0\0\0\4head", 8)));
  std::vector<std::string> texts;
  for (std::string_view rest = std::string_view(bytes).substr(8); rest.size() >= 4;) {
    const std::uint32_t length = log::v1::record::get_length(rest);
    log::v1::Entry entry;
    ASSERT_TRUE(log::v1::parse_record(rest.substr(4, length), entry));
    texts.push_back(entry.text);
    rest.remove_prefix(4 + length);
  }
  EXPECT_THAT(texts, ElementsAre("one", "two", "torn"));
  EXPECT_EQ(records(path() / "log").size(), 3U);
}

TEST_F(KeptLog, IsNotHeldUpByAProcessThatCannotBeHad) {
  plan(LogFormat::process).command = {"/bin/false"};
  LogWriter log(loop_, plan_);
  ASSERT_GT(::waitpid(-1, nullptr, 0), 0);
  for (int i = 0; i < 5000; ++i) log.write(false, std::string(100, 'x') + "\n");
  EXPECT_FALSE(log.full());
}

TEST_F(KeptLog, SendsTheHeadOnceToEachProcess) {
  const std::string counted = (path() / "got").string();
  // The first one ends before the first line; whoever comes then finds one head only.
  plan(LogFormat::process).command = {
      "/bin/sh", "-c", "[ -e " + counted + ".1 ] || exec touch " + counted + ".1; exec cat > " + counted};
  plan_.head = "head";
  {
    LogWriter log(loop_, plan_);
    while (::waitpid(-1, nullptr, 0) > 0) continue;
    while (!fs::exists(counted)) log.write(false, "one\n");
    log.finish();
  }
  ASSERT_GT(::waitpid(-1, nullptr, 0), 0);
  std::ifstream stream(counted);
  const std::string bytes{std::istreambuf_iterator<char>{stream}, {}};
  ASSERT_TRUE(bytes.starts_with(std::string("\0\0\0\4head", 8)));
  EXPECT_EQ(bytes.find("head", 8), std::string::npos);
  EXPECT_NE(bytes.find("one"), std::string::npos);
}

TEST_F(KeptLog, ComesBackWhenTheFileCanBeMadeAgain) {
  plan(LogFormat::json_file);
  fs::remove_all(path());
  LogWriter log(loop_, plan_);
  log.write(false, "lost\n");
  fs::create_directories(path());
  while (!fs::exists(path() / "log")) log.write(false, "kept\n");
  std::ifstream stream(path() / "log");
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  EXPECT_NE(text.find("kept"), std::string::npos);
}

TEST_F(KeptLog, HoldsUpTheContainerIfNobodyReadsUnlessItMayDropLines) {
  for (const bool non_blocking : {false, true}) {
    // One in its place would be told of losses.
    plan(LogFormat::process).command = {"/bin/sh", "-c", "case $0 in [0-9]*) exit;; esac; exec /bin/sleep 1000"};
    plan_.non_blocking = non_blocking;
    plan_.max_buffer_size = 4096;
    std::optional<LogWriter> log;
    log.emplace(loop_, plan_);
    for (int i = 0; i < 5000; ++i) log->write(false, std::string(100, 'x') + "\n");
    EXPECT_EQ(log->full(), !non_blocking);
    // It reads nothing and so does not see the end of its input.
    end_children();
    log.reset();
  }
}

TEST_F(KeptLog, GoesOnWithAnotherProcessWhenTheFirstDies) {
  const std::string mark = (path() / "mark").string();
  plan(LogFormat::process).command = {
      "/bin/sh", "-c",
      "if [ -e " + mark + " ]; then exec /bin/cat > /dev/null; fi; : > " + mark + "; exec /bin/sleep 1000"};
  LogWriter log(loop_, plan_);
  while (!log.full()) log.write(false, std::string(100, 'x') + "\n");
  bool room = false;
  log.on_room([&] {
    room = true;
    loop_.stop();
  });
  while (!fs::exists(mark)) {
  }
  end_children();
  loop_.run();
  EXPECT_TRUE(room);
  EXPECT_FALSE(log.full());
  log.on_room(nullptr);
}

TEST_F(KeptLog, TellsWhatAProcessLostThatEndedTooEarly) {
  const std::string told = (path() / "told").string();
  // Of three lines it logs one, as it counts in the file that it has as descriptor 3.
  plan(LogFormat::process).command = {"/bin/bash", "-c",
                                      "case $0 in [0-9]*) echo $0 > " + told + ".new; mv " + told + ".new " + told +
                                          "; exit;; esac; cat > /dev/null; printf '\\1' | dd bs=1 conv=notrunc "
                                          "of=/proc/self/fd/3 2> /dev/null; kill -9 $$"};
  {
    LogWriter log(loop_, plan_);
    log.write(false, "one\ntwo\nthree\n");
    log.finish();
  }
  while (::waitpid(-1, nullptr, 0) > 0) continue;
  std::ifstream file{told};
  std::string lost;
  file >> lost;
  EXPECT_EQ(lost, "2");
}

TEST_F(KeptLog, TellsAgainWhatWasGivenToAProcessThatDidNotTell) {
  const std::string failed = (path() / "failed").string(), told = (path() / "told").string();
  // As of a program that is missing: the first one logs nothing, and the one that is to tell of that cannot.
  plan(LogFormat::process).command = {"/bin/bash", "-c",
                                      "case $0 in [1-9]*) [ -e " + failed + " ] && { echo $0 > " + told + ".new; mv " +
                                          told + ".new " + told + "; exit; }; : > " + failed + ";; esac; exit 127"};
  int lines = 0;
  {
    LogWriter log(loop_, plan_);
    for (; !fs::exists(failed); ++lines) log.write(false, "one\n");
    log.finish();
  }
  while (::waitpid(-1, nullptr, 0) > 0) continue;
  std::ifstream file{told};
  int lost = 0;
  file >> lost;
  EXPECT_EQ(lost, lines);
}

TEST_F(KeptLog, TellsAtTheEndHowManyLinesWereDropped) {
  const std::string told = (path() / "told").string();
  plan(LogFormat::process).command = {"/bin/bash", "-c",
                                      "[ -n \"$1\" ] && { echo $0 $1 > " + told + ".new; mv " + told + ".new " + told +
                                          "; exit; }; case $0 in [0-9]*) kill -9 $$;; esac; exec sleep 1000"};
  plan_.non_blocking = true;
  plan_.max_buffer_size = 4096;
  {
    LogWriter log(loop_, plan_);
    for (int i = 0; i < 5000; ++i) log.write(false, std::string(100, 'x') + "\n");
    end_children();
  }
  while (::waitpid(-1, nullptr, 0) > 0) continue;
  std::ifstream file{told};
  int lost = 0, dropped = 0;
  file >> lost >> dropped;
  EXPECT_GT(dropped, 1000);
  EXPECT_EQ(lost + dropped, 5000);
}

TEST_F(KeptLog, LeavesAProcessThatReadsNothingWhatItHasNotTaken) {
  const std::string gate = (path() / "gate").string(), got = (path() / "got").string();
  plan(LogFormat::process).command = {"/bin/sh", "-c",
                                      "while [ ! -e " + gate + " ]; do sleep 0.05; done; exec cat > " + got};
  plan_.non_blocking = true;
  plan_.max_buffer_size = std::size_t{1} << 20;
  std::optional<LogWriter> log(std::in_place, loop_, plan_);
  for (int i = 0; i < 5000; ++i) log->write(false, std::string(100, 'x') + "\n");
  // The process is let go when the shim has only its end to wait for.
  std::thread opener([&] {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{8};
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    pid_t child = 0;
    children >> child;
    const std::string input = "/proc/" + std::to_string(child) + "/fd/0";
    int unread = 0;
    while (unread < 500'000 && std::chrono::steady_clock::now() < limit) {
      const UniqueFd pipe(::open(input.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
      ::ioctl(pipe.get(), FIONREAD, &unread);
    }
    EXPECT_GT(unread, 500'000);
    std::ofstream{gate};
  });
  log.reset();
  opener.join();
  while (::waitpid(-1, nullptr, 0) > 0) continue;
  EXPECT_GT(fs::file_size(got), 500'000U);
}

}  // namespace gantry::container_shim
