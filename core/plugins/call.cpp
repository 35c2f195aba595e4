#include "plugins/call.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.hpp"

namespace gantry::plugins {

CancelSource::CancelSource() : event_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_fd_ < 0) throw_errno("eventfd");
}

CancelSource::~CancelSource() { ::close(event_fd_); }

void CancelSource::cancel() noexcept {
  const std::scoped_lock guard{mutex_};
  if (cancelled_.exchange(true, std::memory_order_acq_rel)) return;
  ::eventfd_write(event_fd_, 1);
  for (const auto& [id, listener] : listeners_) listener();
  listeners_.clear();
}

CancelSource::ListenerId CancelSource::listen(std::function<void()> listener) {
  const std::scoped_lock guard{mutex_};
  const ListenerId id = next_listener_++;
  if (cancelled()) {
    listener();
  } else {
    listeners_.emplace(id, std::move(listener));
  }
  return id;
}

void CancelSource::forget(ListenerId listener) noexcept {
  const std::scoped_lock guard{mutex_};
  listeners_.erase(listener);
}

}  // namespace gantry::plugins
