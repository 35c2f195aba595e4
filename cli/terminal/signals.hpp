#pragma once

#include <array>
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

/// While it lives, the first signal that asks this program to end is noted, and what is under way comes to its end; the
/// second one ends the program as ever. One at a time.
class Interruption {
 public:
  Interruption() { resume(); }
  ~Interruption() { restore(); }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// For what may be broken off: signals do what they would do without this, also the one that was noted.
  void pause();
  void resume();

  /// The signal that was noted, 0 if there is none.
  [[nodiscard]] static int number();

 private:
  static constexpr std::array kSignals{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  void restore();

  std::array<struct sigaction, kSignals.size()> before_{};
};

/// "TERM" for SIGTERM, as the API takes it.
std::string signal_name(int number);

}  // namespace gantry::cli
