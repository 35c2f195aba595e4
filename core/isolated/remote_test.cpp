// A driver in a process of its own that crashes, hangs and talks.

#include "isolated/remote.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "gantry/volume.hpp"
#include "isolated/kinds.hpp"

namespace gantry::isolated {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class TestHost final : public Host {
 public:
  TestHost(fs::path root, const Description& driver) : root_(std::move(root)) {
    for (const OptionInfo& option : driver.options) options_[option.name] = option.default_value;
    for (const char* name : {"data", "exec"}) fs::create_directory(root_ / name);
  }
  std::string data_dir() const override { return root_ / "data"; }
  std::string exec_dir() const override { return root_ / "exec"; }
  std::string libexec_dir() const override { return GANTRY_BIN_DIR; }
  const Options& options() const override { return options_; }
  void log(LogLevel, std::string_view) const noexcept override {}
  void* query(std::string_view) noexcept override { return nullptr; }

 private:
  fs::path root_;
  Options options_;
};

class FakeCall final : public Call {
 public:
  FakeCall() : fd_(::eventfd(0, EFD_CLOEXEC)) {}
  void cancel() { ::eventfd_write(fd_.get(), 1); }
  bool cancelled() const noexcept override {
    pollfd event{fd_.get(), POLLIN, 0};
    return ::poll(&event, 1, 0) > 0;
  }
  int cancel_fd() const noexcept override { return fd_.get(); }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}

 private:
  UniqueFd fd_;
};

constexpr const char* kFake = GANTRY_FAKES_DIR "/fake-volume.so";

/// The fake volume driver with failpoints (tests/fakes/failing).
class Remotes : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "gantry-isolated-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    settings_.program = std::make_shared<const HostProgram>(GANTRY_BIN_DIR "/gantry-driver-host");
    settings_.file = std::make_shared<const DriverFile>(kFake);
    settings_.description = describe(*settings_.program, *settings_.file);
    host_ = std::make_unique<TestHost>(root_, settings_.description);
    settings_.title = "volume driver \"fake\"";
  }
  void TearDown() override {
    driver_.reset();
    remote_.reset();
    fs::remove_all(root_);
  }

  void open() {
    remote_ = std::make_shared<Remote>(settings_);
    driver_ = std::static_pointer_cast<volume::v1::Driver>(find_kind("volume")->make_proxy(remote_, kNoLesson));
    driver_->open(*host_);
  }
  void faults(const std::string& points) { std::ofstream{root_ / "data" / "failpoints"} << points << "\n"; }
  void create(const std::string& name) {
    volume::v1::Volume out;
    driver_->create(name, {}, out, call_);
    EXPECT_EQ(out.name, name);
  }
  /// The error of a call that must fail.
  Error failure(const std::string& name) {
    try {
      create(name);
    } catch (const Error& error) {
      return error;
    }
    return Error{Errc::internal, "it succeeded"};
  }

  fs::path root_;
  std::unique_ptr<TestHost> host_;
  RemoteSettings settings_;
  std::shared_ptr<Remote> remote_;
  std::shared_ptr<volume::v1::Driver> driver_;
  FakeCall call_;
};

TEST_F(Remotes, SayWhatTheyAre) {
  EXPECT_EQ(settings_.description.kind, "volume");
  EXPECT_EQ(settings_.description.name, "fake");
  ASSERT_FALSE(settings_.description.options.empty());
  EXPECT_THROW(describe(*settings_.program, DriverFile{"/bin/true"}), Error);
}

TEST_F(Remotes, AreCalledByManyAtOnce) {
  open();
  std::vector<std::thread> threads;
  for (int n = 0; n < 16; ++n) {
    threads.emplace_back([this, n] {
      for (int m = 0; m < 20; ++m) create("v" + std::to_string(n) + "-" + std::to_string(m));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> names;
  driver_->list(names, call_);
  EXPECT_EQ(std::ranges::count_if(names, [](const std::string& name) { return name.starts_with("v"); }), 320);
}

TEST_F(Remotes, PassErrorsOn) {
  open();
  faults("create=fail-exhausted:*");
  EXPECT_EQ(failure("a").code(), Errc::exhausted);
  faults("create=foreign:*");
  const Error foreign = failure("a");
  EXPECT_EQ(foreign.code(), Errc::internal);
  EXPECT_STREQ(foreign.what(), "driver \"fake\" failed with a foreign exception of type int");
}

TEST_F(Remotes, ThatCrashFailTheCallAndTakeTheNextOne) {
  open();
  create("before");
  const pid_t first = remote_->pid();
  for (const char* action : {"create=abort:*", "create=segfault:*", "create=exit:*"}) {
    faults(action);
    const Error error = failure("a");
    EXPECT_EQ(error.code(), Errc::unavailable);
    EXPECT_NE(std::string{error.what()}.find("volume driver \"fake\" crashed ("), std::string::npos) << error.what();
    EXPECT_NE(std::string{error.what()}.find(") during this call"), std::string::npos) << error.what();
    faults("");
    create("after");
  }
  volume::v1::Volume found;
  driver_->inspect("before", found, call_);
  EXPECT_NE(remote_->pid(), first);
}

TEST_F(Remotes, KilledBetweenCallsServeTheNextOne) {
  open();
  for (int round = 0; round < 3; ++round) {
    const pid_t pid = remote_->pid();
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    // It may still take the call, and die then.
    try {
      create("a");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::unavailable);
      create("a");
    }
    EXPECT_NE(remote_->pid(), pid);
  }
}

TEST_F(Remotes, ThatCrashAgainAndAgainAreBackedOff) {
  EXPECT_EQ(restart_delay(1), 0ms);
  EXPECT_EQ(restart_delay(2), 100ms);
  EXPECT_EQ(restart_delay(3), 200ms);
  EXPECT_EQ(restart_delay(8), 6400ms);
  EXPECT_EQ(restart_delay(1000), 30s);
  open();
  faults("create=abort:*");
  std::string last;
  for (int n = 0; n < 8; ++n) last = failure("a").what();
  EXPECT_NE(last.find("started again later"), std::string::npos) << last;
}

TEST_F(Remotes, ThatCannotBeOpenedSayWhy) {
  faults("open=fail-unavailable:*");
  EXPECT_THROW(open(), Error);
  faults("open=abort:*");
  try {
    open();
    ADD_FAILURE() << "it was opened";
  } catch (const Error& error) {
    EXPECT_NE(std::string{error.what()}.find("crashed when it was opened"), std::string::npos) << error.what();
  }
}

TEST_F(Remotes, LearnBeforeTheyAreCalledAgain) {
  std::mutex mutex;
  std::condition_variable changed;
  Lesson lesson = kNoLesson;
  settings_.relearn = [&](Lesson given) {
    const std::scoped_lock guard{mutex};
    lesson = given;
    changed.notify_all();
  };
  open();
  ::kill(remote_->pid(), SIGKILL);
  {
    std::unique_lock guard{mutex};
    changed.wait(guard, [&] { return lesson != kNoLesson; });
  }
  std::atomic<bool> called{false};
  std::thread caller{[&] {
    create("later");
    called = true;
  }};
  const auto teacher = std::static_pointer_cast<volume::v1::Driver>(find_kind("volume")->make_proxy(remote_, lesson));
  volume::v1::Volume out;
  teacher->create("first", {}, out, call_);
  EXPECT_FALSE(called);
  remote_->ready(lesson);
  caller.join();
  EXPECT_TRUE(called);
}

TEST_F(Remotes, ThatCrashWhileTheyLearnLearnFromTheBeginning) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Lesson> lessons;
  settings_.relearn = [&](Lesson given) {
    const std::scoped_lock guard{mutex};
    lessons.push_back(given);
    changed.notify_all();
  };
  open();
  for (std::size_t count = 1; count <= 2; ++count) {
    ::kill(remote_->pid(), SIGKILL);
    std::unique_lock guard{mutex};
    changed.wait(guard, [&] { return lessons.size() == count; });
  }
  const auto teacher_of = [this](Lesson lesson) {
    return std::static_pointer_cast<volume::v1::Driver>(find_kind("volume")->make_proxy(remote_, lesson));
  };
  volume::v1::Volume out;
  EXPECT_THROW(teacher_of(lessons[0])->create("first", {}, out, call_), Error) << "that process is no more";
  remote_->ready(lessons[0]);
  FakeCall impatient;
  impatient.cancel();
  EXPECT_THROW(driver_->create("later", {}, out, impatient), Error) << "it knows nothing yet, so the call waits";
  teacher_of(lessons[1])->create("first", {}, out, call_);
  remote_->ready(lessons[1]);
  create("later");
}

/// A driver's file of the test's own.
class Replaced : public Remotes {
 protected:
  void SetUp() override {
    Remotes::SetUp();
    file_ = root_ / "own.so";
    fs::copy(kFake, file_);
    settings_.file = std::make_shared<const DriverFile>(file_);
  }
  fs::path file_;
};

TEST_F(Replaced, FilesAreLoadedAsTheyWere) {
  open();
  fs::copy(GANTRY_FAKES_DIR "/fake-network.so", root_ / "other.so");
  fs::rename(root_ / "other.so", file_);
  const pid_t first = remote_->pid();
  faults("create=abort:*");
  EXPECT_EQ(failure("a").code(), Errc::unavailable);
  faults("");
  create("a");
  EXPECT_NE(remote_->pid(), first);
  fs::remove(file_);
  faults("create=abort:*");
  EXPECT_EQ(failure("a").code(), Errc::unavailable);
  faults("");
  create("b");
}

TEST_F(Replaced, FilesThatWereWrittenToAreRefused) {
  open();
  std::ofstream{file_, std::ios::app} << "more";
  faults("create=abort:*");
  EXPECT_EQ(failure("a").code(), Errc::unavailable);
  const std::string why = failure("a").what();
  EXPECT_NE(why.find("own.so was written to after the driver was loaded"), std::string::npos) << why;
}

TEST_F(Remotes, AreToldOfCancellation) {
  open();
  faults("create=block:*");
  std::thread canceller{[this] {
    while (!fs::exists(root_ / "data" / "calls")) std::this_thread::yield();
    call_.cancel();
  }};
  EXPECT_EQ(failure("a").code(), Errc::cancelled);
  canceller.join();
  faults("");
  // The connection serves another call, which nobody has cancelled.
  volume::v1::Volume out;
  const FakeCall other;
  driver_->create("b", {}, out, other);
}

TEST_F(Remotes, DeafToCancellationAreLeftAlone) {
  open();
  faults("create=hang:*");
  call_.cancel();
  Request request;
  request.call = &call_;
  request.grace = 50ms;
  constexpr int kCreate = 0;
  const Json message = {kCreate, {"a", Json::object(), {{"name", ""}, {"mountpoint", ""}, {"status", Json::array()}}}};
  try {
    remote_->call(request, message, kAtOnce);
    ADD_FAILURE() << "it returned";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "volume driver \"fake\": it did not return from a call after being cancelled");
  }
  faults("");
  const pid_t pid = remote_->pid();
  volume::v1::Volume out;
  const FakeCall other;
  driver_->create("b", {}, out, other);
  EXPECT_EQ(remote_->pid(), pid) << "its process goes on";
  std::ofstream{root_ / "data" / "release"};
}

TEST_F(Remotes, AddLittleToACall) {
  open();
  create("a");
  std::vector<std::chrono::steady_clock::duration> times(500);
  for (auto& time : times) {
    const auto begin = std::chrono::steady_clock::now();
    volume::v1::Usage out;
    driver_->usage("a", out, call_);
    time = std::chrono::steady_clock::now() - begin;
  }
  std::ranges::sort(times);
  const auto median = std::chrono::duration_cast<std::chrono::microseconds>(times[times.size() / 2]);
  RecordProperty("microseconds", std::to_string(median.count()));
  EXPECT_LT(median, 1ms);
}

TEST_F(Remotes, ThatDoNotEndAreNotWaitedForWhereTheirEndIsNoted) {
  settings_.ends = std::make_shared<Ends>();
  open();
  const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, remote_->pid(), 0))};
  faults("end=hang");
  driver_.reset();
  remote_.reset();
  pollfd end{process.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 0), 0) << "it was waited for";
  EXPECT_TRUE(settings_.ends->wait());
  EXPECT_EQ(::poll(&end, 1, 0), 1) << "its end was not waited for";
}

TEST_F(Remotes, EndWithTheDaemonAlsoWhileTheyHangInTheirEnd) {
  faults("end=hang");
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    open();
    const pid_t pid = remote_->pid();
    [[maybe_unused]] const ssize_t told = ::write(pipe[1], &pid, sizeof pid);
    driver_.reset();
    remote_.reset();
    ::_exit(0);
  }
  pid_t pid = -1;
  ASSERT_EQ(::read(pipe[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  while (!fs::exists(root_ / "data" / "ending")) std::this_thread::yield();
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  pollfd end{process.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 20000), 1) << "it outlives the daemon";
  for (const int fd : pipe) ::close(fd);
}

TEST_F(Remotes, EndWithTheirOwner) {
  open();
  const pid_t pid = remote_->pid();
  driver_.reset();
  remote_.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace gantry::isolated
