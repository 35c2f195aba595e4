#include "shim/loop.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

namespace gantry::container_shim {

namespace {

/// A descriptor's number may be taken again while events for its former owner wait: the generation tells them apart.
std::uint64_t tag(int fd, std::uint64_t generation) { return static_cast<std::uint32_t>(fd) | generation << 32U; }

}  // namespace

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

void Loop::add(int fd, std::uint32_t events, Handler handler) {
  const std::uint64_t generation = ++generation_ & 0xffffffffU;
  watches_[fd] = {events, generation, std::move(handler)};
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag(fd, generation);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Loop::change(int fd, std::uint32_t events) {
  const auto watch = watches_.find(fd);
  if (watch == watches_.end() || watch->second.events == events) return;
  watch->second.events = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag(fd, watch->second.generation);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::remove(int fd) {
  if (watches_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::run_deferred() {
  while (!deferred_.empty()) {
    const auto work = std::exchange(deferred_, {});
    for (const auto& item : work) item();
  }
}

void Loop::run() {
  epoll_event events[16];
  for (;;) {
    run_deferred();
    if (stopped_) return;
    const int count = ::epoll_wait(epoll_.get(), events, 16, -1);
    for (int i = 0; i < count && !stopped_; ++i) {
      const auto fd = static_cast<int>(events[i].data.u64 & 0xffffffffU);
      const auto watch = watches_.find(fd);
      if (watch == watches_.end() || watch->second.generation != events[i].data.u64 >> 32U) continue;
      const Handler handler = watch->second.handler;  // it may remove itself
      handler(events[i].events);
    }
  }
}

}  // namespace gantry::container_shim
