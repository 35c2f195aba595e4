#include "isolated/servants.hpp"

#include <sys/socket.h>

#include <thread>
#include <utility>

namespace gantry::isolated {

void Servants::start(const std::shared_ptr<Line>& line, Answerer& answerer) {
  {
    const std::scoped_lock guard{mutex_};
    lines_.insert(line.get());
  }
  try {
    std::thread{[this, served = line, &answerer]() mutable {
      serve(*served, answerer);
      forget(std::move(served));
    }}.detach();
  } catch (...) {
    forget(line);
    throw;
  }
}

/// Closes it too: under the lock, so that `cut` does not meet another file of its number.
void Servants::forget(std::shared_ptr<Line> line) noexcept {
  const std::scoped_lock guard{mutex_};
  lines_.erase(line.get());
  line.reset();
  idle_.notify_all();
}

std::size_t Servants::count() const {
  const std::scoped_lock guard{mutex_};
  return lines_.size();
}

void Servants::cut() noexcept {
  const std::scoped_lock guard{mutex_};
  for (const Line* line : lines_) ::shutdown(line->socket.get(), SHUT_RDWR);
}

void Servants::wait() {
  std::unique_lock guard{mutex_};
  idle_.wait(guard, [this] { return lines_.empty(); });
}

}  // namespace gantry::isolated
