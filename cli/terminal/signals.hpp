#pragma once

#include <csignal>
#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// While it lives, signals come through a descriptor instead of to a handler.
class SignalQueue {
 public:
  enum class Which {
    window,  ///< Of a terminal's size.
    ending,  ///< Those that end a program from outside, and the size.
    all,     ///< All that may be passed on, and the size.
  };

  explicit SignalQueue(Which which);
  ~SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The next signal, 0 if there is none.
  int take() const;

 private:
  UniqueFd fd_;
  sigset_t before_{};
};

/// "TERM" for SIGTERM, as the API takes it.
std::string signal_name(int number);

}  // namespace gantry::cli
