#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// epoll(7): one thread, no timers.
class Loop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;

  Loop();

  /// Watches `fd` until `remove`; with 0 events only for its hang-up.
  void add(int fd, std::uint32_t events, Handler handler);
  void change(int fd, std::uint32_t events);
  void remove(int fd);

  /// Runs `work` once the present events are handled: for what must not be destroyed by its own handler.
  void defer(std::function<void()> work) { deferred_.push_back(std::move(work)); }

  void run();
  void stop() { stopped_ = true; }

 private:
  struct Watch {
    std::uint32_t events{};
    std::uint64_t generation{};
    Handler handler;
  };

  void run_deferred();

  UniqueFd epoll_;
  std::vector<std::function<void()>> deferred_;
  std::map<int, Watch> watches_;
  std::uint64_t generation_ = 0;
  bool stopped_ = false;
};

}  // namespace gantry::container_shim
