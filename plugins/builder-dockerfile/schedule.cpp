#include "schedule.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

constexpr std::size_t kMostAtOnce = 8;
constexpr std::size_t kLeastAtOnce = 4;
constexpr std::chrono::milliseconds kStopInterval{50};

[[noreturn]] void throw_in_vain() { throw Error{Errc::cancelled, "another stage has failed"}; }

}  // namespace

Schedule::Schedule(Dependencies dependencies, builder::v1::Steps* steps)
    : dependencies_(std::move(dependencies)), steps_(steps) {
  for (const auto& [stage, needed] : dependencies_) {
    waiting_[stage] = needed.size();
    if (needed.empty()) ready_.insert(stage);
    for (const std::size_t one : needed) needed_by_[one].push_back(stage);
  }
}

std::vector<std::size_t> Schedule::order() const {
  std::vector<std::size_t> out;
  for (const auto& [stage, needed] : dependencies_) out.push_back(stage);
  return out;
}

bool Schedule::is_in_vain(std::size_t stage) const {
  return !failures_.empty() && (all_ || failures_.begin()->first < stage);
}

bool Schedule::stopped(std::size_t stage) const {
  const std::lock_guard lock{mutex_};
  return is_in_vain(stage);
}

void Schedule::drop_in_vain() {
  if (failures_.empty()) return;
  std::erase_if(waiting_, [this](const auto& one) { return is_in_vain(one.first); });
  std::erase_if(ready_, [this](std::size_t stage) { return is_in_vain(stage); });
}

void Schedule::finish(std::size_t stage, std::shared_ptr<const StageState> state, std::exception_ptr failure) {
  const std::lock_guard lock{mutex_};
  busy_.erase(stage);
  if (state != nullptr) {
    done_[stage] = std::move(state);
    for (const std::size_t one : needed_by_[stage]) {
      const auto waits = waiting_.find(one);
      if (waits != waiting_.end() && --waits->second == 0) ready_.insert(one);
    }
  }
  // What ends because it is in vain is no failure of its own.
  if (failure && !is_in_vain(stage)) failures_[stage] = failure;
  if (failure && !first_failure_) first_failure_ = failure;
  drop_in_vain();
  changed_.notify_all();
}

void Schedule::work_on(const Work& work) {
  for (;;) {
    std::size_t stage = 0;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [&] { return waiting_.empty() || !ready_.empty(); });
      if (ready_.empty()) return;
      // The first that can begin: so the first that is not done is always being built, and whoever waits for one
      // before it waits for something that goes on.
      stage = *ready_.begin();
      ready_.erase(stage);
      waiting_.erase(stage);
      busy_.insert(stage);
    }
    try {
      finish(stage, std::make_shared<const StageState>(work(stage)), nullptr);
    } catch (...) {
      finish(stage, {}, std::current_exception());
    }
  }
}

void Schedule::end_commands() {
  std::vector<std::string> containers;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [stage, container] : containers_) {
      if (is_in_vain(stage)) containers.push_back(container);
    }
  }
  for (const std::string& container : containers) steps_->stop(container);
}

void Schedule::run(const Work& work, bool all) {
  all_ = all;
  const std::size_t processors =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), kLeastAtOnce, kMostAtOnce);
  const std::size_t count = std::min(processors, dependencies_.size());
  if (steps_ == nullptr || count < 2) {
    work_on(work);
  } else {
    std::vector<std::jthread> threads;
    for (std::size_t at = 0; at < count; ++at) threads.emplace_back([&] { work_on(work); });
    std::unique_lock lock{mutex_};
    while (!waiting_.empty() || !busy_.empty()) {
      // A command may have begun just after it was told to end: so it is told again.
      if (failures_.empty()) {
        changed_.wait(lock);
      } else {
        lock.unlock();
        end_commands();
        lock.lock();
        changed_.wait_for(lock, kStopInterval, [this] { return waiting_.empty() && busy_.empty(); });
      }
    }
  }
  if (first_failure_) std::rethrow_exception(all_ || failures_.empty() ? first_failure_ : failures_.begin()->second);
}

std::shared_ptr<const StageState> Schedule::result(std::size_t stage, std::size_t for_stage) {
  if (!dependencies_.contains(stage) || stage >= for_stage) return {};
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return done_.contains(stage) || is_in_vain(for_stage); });
  const auto found = done_.find(stage);
  if (found == done_.end()) throw_in_vain();
  return found->second;
}

void Schedule::set_running(std::size_t stage, const std::string& container) {
  const std::lock_guard lock{mutex_};
  if (container.empty()) {
    containers_.erase(stage);
    return;
  }
  if (is_in_vain(stage)) throw_in_vain();
  containers_[stage] = container;
}

}  // namespace gantry::dockerfile
