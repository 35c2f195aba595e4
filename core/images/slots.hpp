#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/async.hpp"

namespace gantry::images {

/// A bounded number of places for coroutines of the io thread, first come first served.
class Slots {
 public:
  explicit Slots(std::size_t count) : count_(count) {}

  class Slot {
   public:
    explicit Slot(Slots* slots) noexcept : slots_(slots) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (slots_ != nullptr) slots_->release();
    }

   private:
    Slots* slots_;
  };

  awaitable<Slot> take() {
    if (taken_ < count_) {
      ++taken_;
      co_return Slot{this};
    }
    auto turn =
        std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    waiting_.push_back(turn);
    boost::system::error_code woken;
    co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    // release() handed its place over.
    co_return Slot{this};
  }

  /// For a configuration that changes while there are users: what is taken beyond the new count is given back in time.
  void resize(std::size_t count) {
    count_ = count;
    for (; taken_ < count_ && !waiting_.empty(); ++taken_) hand_over();
  }

 private:
  void release() {
    if (taken_ > count_ || waiting_.empty()) {
      --taken_;
    } else {
      hand_over();
    }
  }

  void hand_over() {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->cancel();
  }

  std::size_t count_;
  std::size_t taken_{};
  std::deque<std::shared_ptr<asio::steady_timer>> waiting_;
};

/// One mutex per name, which lives while it is held or waited for.
class NamedMutexes {
 public:
  class Lock {
   public:
    Lock(std::shared_ptr<AsyncMutex> mutex, AsyncMutex::Lock lock) : mutex_(std::move(mutex)), lock_(std::move(lock)) {}

   private:
    std::shared_ptr<AsyncMutex> mutex_;  // outlives the lock
    AsyncMutex::Lock lock_;
  };

  awaitable<Lock> lock(std::string name) {
    std::erase_if(mutexes_, [](const auto& entry) { return entry.second.expired(); });
    auto mutex = mutexes_[name].lock();
    if (mutex == nullptr) mutexes_[name] = mutex = std::make_shared<AsyncMutex>();
    auto held = co_await mutex->lock();
    co_return Lock{std::move(mutex), std::move(held)};
  }

 private:
  std::map<std::string, std::weak_ptr<AsyncMutex>> mutexes_;
};

}  // namespace gantry::images
