#include "net_link/reaper.hpp"

namespace gantry::net_link {

Reaper::~Reaper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Reaper::submit(std::string key, std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    keys_.insert(key);
    queue_.emplace_back(std::move(key), std::move(work));
  }
  wake_.notify_one();
}

bool Reaper::pending(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return keys_.contains(key);
}

std::vector<std::string> Reaper::keys() const {
  const std::lock_guard lock(mutex_);
  return {keys_.begin(), keys_.end()};
}

void Reaper::drain() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return keys_.empty(); });
}

void Reaper::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto [key, work] = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
    keys_.erase(key);
    if (keys_.empty()) idle_.notify_all();
  }
}

}  // namespace gantry::net_link
