#include "isolated/remote.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "isolated/kinds.hpp"
#include "isolated/running.hpp"
#include "isolated/structs.hpp"

namespace gantry::isolated {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kOpenLimit = 60s;
constexpr auto kDescribeLimit = 20s;
constexpr auto kCloseLimit = 5s;
constexpr auto kCrashPatience = 2s;  // for the end of a process whose connections have ended
constexpr auto kCallPatience = 30s;  // of a call for a driver that is started anew
constexpr auto kLongestWait = 30s;   // between two starts
constexpr auto kSteady = 60s;        // a process that has lived so long did not crash at once
constexpr int kMostTries = 3;        // of a call that has not reached its driver
constexpr auto kShortWait = 2s;      // a call waits for the next start if it is no further away

}  // namespace

std::chrono::milliseconds restart_delay(int crashes) {
  if (crashes <= 1) return 0ms;
  const std::chrono::milliseconds delay = 100ms * (1 << std::min(crashes - 2, 10));
  return std::min<std::chrono::milliseconds>(delay, kLongestWait);
}

Description describe(const HostProgram& program, const DriverFile& file) {
  Running running{program, file};
  Beside beside;
  beside.deadline = Clock::now() + kDescribeLimit;
  try {
    const Json told = running.ask(FrameType::describe, nullptr, {}, &beside);
    Description out;
    told.at("kind").get_to(out.kind);
    told.at("name").get_to(out.name);
    told.at("version").get_to(out.version);
    told.at("interface").get_to(out.interface);
    told.at("capabilities").get_to(out.capabilities);
    told.at("options").get_to(out.options);
    running.close();
    running.wait(kCloseLimit);
    return out;
  } catch (const BrokenLink& broken) {
    throw Error{Errc::unavailable, file.path() + ": its process did not say what it is: " + broken.what() + ", " +
                                       running.wait(kCrashPatience)};
  } catch (const Json::exception& error) {
    throw Error{Errc::invalid, file.path() + ": " + error.what()};
  }
}

/// What the keeper and the callers share. The keeper is the thread that starts the processes and
/// that sees their ends.
class Remote::Core {
 public:
  explicit Core(RemoteSettings given) : settings(std::move(given)), stop_(::eventfd(0, EFD_CLOEXEC)) {}

  void open(const Host& host) {
    const Kind* kind = find_kind(settings.description.kind);
    told_ = {{"data_dir", host.data_dir()},
             {"exec_dir", host.exec_dir()},
             {"libexec_dir", host.libexec_dir()},
             {"options", host.options()},
             {"abilities", kind == nullptr ? std::vector<std::string>{} : kind->abilities}};
  }

  /// The keeper's life: to the end of the last process.
  void keep(std::promise<void> opened);
  void stop();
  Json call(Request request, const Json& message, Lesson lesson);
  [[noreturn]] void distrust(const std::string& why);
  void ready(Lesson lesson) noexcept;
  /// The keeper has come to its end.
  void finish() noexcept;
  /// Whether nobody waits for the keeper's end: it is noted, or it has come.
  bool ends_beside();

  [[nodiscard]] std::shared_ptr<Running> current() const {
    const std::scoped_lock guard{mutex};
    return running_;
  }

  RemoteSettings settings;
  mutable std::mutex mutex;
  std::set<std::string, std::less<>> abilities;  // under the mutex

 private:
  enum class State { closed, up, relearning, down };

  std::shared_ptr<Running> start();
  std::shared_ptr<Running> start_again();
  bool watch(Running& running);
  void note_end(const std::string& how, Clock::time_point started);
  bool pause();
  std::shared_ptr<Running> usable(const Call* call, Lesson lesson);
  void drop(const std::shared_ptr<Running>& running);
  void log(LogLevel level, std::string_view line) const {
    if (settings.log) settings.log(level, line);
  }
  void report(LogLevel level, const std::string& message) const {
    if (settings.report) settings.report(level, message);
  }

  Json told_;
  UniqueFd stop_;

  std::condition_variable changed_;  // of what follows, under the mutex
  State state_ = State::closed;
  std::shared_ptr<Running> running_;
  std::weak_ptr<Running> starting_;  // the last one that was started
  bool stopping_ = false;
  int crashes_ = 0;
  std::string last_end_;
  Clock::time_point next_start_;
  Lesson lesson_ = kNoLesson;  // that of the last start
  bool finished_ = false;
  std::shared_ptr<Ends> ends_;  // once the end has begun
};

std::shared_ptr<Running> Remote::Core::start() {
  const auto running = std::make_shared<Running>(*settings.program, *settings.file);
  {
    const std::scoped_lock guard{mutex};
    starting_ = running;
    if (stopping_) running->kill();
  }
  Beside beside;
  beside.fd = running->control();
  beside.deadline = Clock::now() + kOpenLimit;
  beside.ready = [&] {
    return running->take_line([this](LogLevel level, std::string_view line) { log(level, line); });
  };
  try {
    const Json found = running->ask(FrameType::open, told_, {}, &beside);
    const std::scoped_lock guard{mutex};
    abilities.clear();
    for (const Json& ability : found) abilities.insert(ability.get<std::string>());
  } catch (const BrokenLink& broken) {
    running->kill();
    throw Error{Errc::unavailable, std::string{"its process crashed when it was opened: "} + broken.what() + ", " +
                                       running->wait(kCrashPatience)};
  } catch (const Json::exception& error) {
    throw Error{Errc::unavailable, error.what()};
  }
  return running;
}

void Remote::Core::keep(std::promise<void> opened) {
  std::shared_ptr<Running> running;
  try {
    running = start();
    const std::scoped_lock guard{mutex};
    running_ = running;
    state_ = State::up;
  } catch (...) {
    opened.set_exception(std::current_exception());
    return;
  }
  opened.set_value();
  while (running) {
    const auto started = Clock::now();
    if (!watch(*running)) {
      running->close();
      running->wait(kCloseLimit);
      return;
    }
    note_end(running->wait(kCrashPatience), started);
    running.reset();
    while (!running && pause()) running = start_again();
  }
}

/// Until the process ends; false: it is to be ended.
bool Remote::Core::watch(Running& running) {
  for (;;) {
    std::array<pollfd, 2> events{pollfd{running.control(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    if (events[1].revents != 0) return false;
    const auto take = [this](LogLevel level, std::string_view line) { log(level, line); };
    if (events[0].revents != 0 && !running.take_line(take)) return true;
  }
}

void Remote::Core::note_end(const std::string& how, Clock::time_point started) {
  std::chrono::milliseconds delay{};
  {
    const std::scoped_lock guard{mutex};
    if (Clock::now() - started > kSteady) crashes_ = 0;
    delay = restart_delay(++crashes_);
    state_ = State::down;
    running_.reset();
    last_end_ = how;
    next_start_ = Clock::now() + delay;
    changed_.notify_all();
  }
  report(LogLevel::error, settings.title + " crashed (" + how + "); it is started again" +
                              (delay.count() == 0 ? "" : " in " + std::to_string(delay.count()) + " ms"));
}

/// Until the next start is due; false: there will be none.
bool Remote::Core::pause() {
  std::unique_lock guard{mutex};
  return !changed_.wait_until(guard, next_start_, [this] { return stopping_; });
}

std::shared_ptr<Running> Remote::Core::start_again() {
  std::shared_ptr<Running> running;
  Lesson lesson = kNoLesson;
  try {
    running = start();
  } catch (const Error& error) {
    note_end(error.what(), Clock::now());
    return nullptr;
  }
  {
    const std::scoped_lock guard{mutex};
    running_ = running;
    state_ = settings.relearn ? State::relearning : State::up;
    lesson = ++lesson_;
    changed_.notify_all();
  }
  report(LogLevel::info, settings.title + " runs again");
  if (settings.relearn) settings.relearn(lesson);
  return running;
}

void Remote::Core::ready(Lesson lesson) noexcept {
  const std::scoped_lock guard{mutex};
  if (state_ == State::relearning && lesson == lesson_) state_ = State::up;
  changed_.notify_all();
}

void Remote::Core::stop() {
  {
    const std::scoped_lock guard{mutex};
    stopping_ = true;
    // One that is just being opened nobody waits for.
    if (const auto starting = starting_.lock(); starting && starting != running_) starting->kill();
    changed_.notify_all();
  }
  ::eventfd_write(stop_.get(), 1);
}

void Remote::Core::finish() noexcept {
  std::shared_ptr<Ends> ends;
  {
    const std::scoped_lock guard{mutex};
    finished_ = true;
    ends = ends_;
  }
  if (ends) ends->done();
}

bool Remote::Core::ends_beside() {
  const std::scoped_lock guard{mutex};
  if (finished_) return true;
  if (!settings.ends) return false;
  ends_ = settings.ends;
  ends_->begin();
  return true;
}

/// Errors: unavailable, cancelled.
std::shared_ptr<Running> Remote::Core::usable(const Call* call, Lesson lesson) {
  const auto deadline = Clock::now() + kCallPatience;
  const bool at_once = lesson != kNoLesson;
  std::unique_lock guard{mutex};
  for (;;) {
    if (at_once && lesson != kAtOnce && lesson != lesson_) {
      throw Error{Errc::unavailable, settings.title + " was started once more, and learns from the beginning"};
    }
    if (state_ == State::up || (at_once && state_ == State::relearning)) return running_;
    const auto now = Clock::now();
    if (state_ == State::closed) throw Error{Errc::unavailable, settings.title + " is not open"};
    const bool far = state_ == State::down && next_start_ - now > kShortWait;
    if (far || at_once || now > deadline) {
      throw Error{Errc::unavailable, settings.title + " has crashed " + std::to_string(crashes_) + " times, last (" +
                                         last_end_ + "); it is started again" + (far ? " later" : "")};
    }
    // Waking up now and then is what a cancelled call needs.
    changed_.wait_for(guard, 50ms);
    if (call != nullptr) call->check();
  }
}

/// The keeper may not have seen yet that the process has ended: the next call is not to meet it.
void Remote::Core::drop(const std::shared_ptr<Running>& running) {
  const std::scoped_lock guard{mutex};
  if (running_ != running) return;
  running_.reset();
  state_ = State::down;
  next_start_ = Clock::now();
}

Json Remote::Core::call(Request request, const Json& message, Lesson lesson) {
  request.grace = settings.grace;
  for (int tries = 1;; ++tries) {
    const std::shared_ptr<Running> running = usable(request.call, lesson);
    try {
      return running->ask(FrameType::call, message, request);
    } catch (const NotReturned& broken) {
      throw DriverLost{settings.title + ": " + broken.what()};
    } catch (const NotSent& broken) {
      drop(running);
      running->kill();  // It may live, and then nobody would start another one.
      if (tries == kMostTries)
        throw Error{Errc::unavailable, settings.title + " is not to be reached: " + broken.what()};
    } catch (const BrokenLink& broken) {
      drop(running);
      const std::string how = running->wait(kCrashPatience);
      throw DriverLost{settings.title + " crashed (" + how + ") during this call: " + broken.what()};
    }
  }
}

void Remote::Core::distrust(const std::string& why) {
  const std::shared_ptr<Running> running = current();
  if (running) {
    drop(running);
    running->kill();
  }
  const std::string message = settings.title + " said what makes no sense, and is started again: " + why;
  report(LogLevel::error, message);
  throw DriverLost{message};
}

Remote::Remote(RemoteSettings settings) : core_(std::make_shared<Core>(std::move(settings))) {}

Remote::~Remote() {
  if (!keeper_.joinable()) return;
  const bool beside = core_->ends_beside();
  core_->stop();
  // The last one to let go of a driver may be the keeper, while it tells of a new start.
  if (beside || keeper_.get_id() == std::this_thread::get_id()) {
    keeper_.detach();
  } else {
    keeper_.join();
  }
}

const Description& Remote::description() const noexcept { return core_->settings.description; }

void Remote::open(const Host& host) {
  core_->open(host);
  std::promise<void> opened;
  std::future<void> outcome = opened.get_future();
  keeper_ = std::thread{[core = core_, promise = std::move(opened)]() mutable {
    core->keep(std::move(promise));
    core->finish();
  }};
  outcome.get();
}

bool Remote::has(std::string_view ability) const noexcept {
  const std::scoped_lock guard{core_->mutex};
  return core_->abilities.contains(ability);
}

Json Remote::call(const Request& request, const Json& message, Lesson lesson) {
  return core_->call(request, message, lesson);
}

void Remote::distrust(const std::string& why) { core_->distrust(why); }

void Remote::ready(Lesson lesson) noexcept { core_->ready(lesson); }

pid_t Remote::pid() const noexcept {
  const std::shared_ptr<Running> running = core_->current();
  return running ? running->pid() : -1;
}

}  // namespace gantry::isolated
