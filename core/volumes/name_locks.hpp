#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/async.hpp"

namespace gantry::volumes {

/// One mutex for each name that is in work: one operation at a time on one volume. Io thread only.
class NameLocks {
 public:
  class Lock {
   public:
    Lock(std::shared_ptr<AsyncMutex> mutex, AsyncMutex::Lock lock) : mutex_(std::move(mutex)), lock_(std::move(lock)) {}

   private:
    std::shared_ptr<AsyncMutex> mutex_;
    AsyncMutex::Lock lock_;
  };

  awaitable<Lock> lock(std::string name) {
    std::erase_if(mutexes_, [](const auto& known) { return known.second.use_count() == 1; });
    auto& known = mutexes_[name];
    if (!known) known = std::make_shared<AsyncMutex>();
    auto mutex = known;
    auto held = co_await mutex->lock();
    co_return Lock{std::move(mutex), std::move(held)};
  }

 private:
  std::map<std::string, std::shared_ptr<AsyncMutex>> mutexes_;
};

}  // namespace gantry::volumes
