#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/exchange.hpp"
#include "terminal/signals.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

struct SessionOptions {
  bool tty = false;
  bool input = false;       ///< Forward stdin.
  bool proxy = false;       ///< Hand signals on.
  std::string detach_keys;  ///< Empty: the default, ctrl-p ctrl-q.
};

/// Joins this process's stdio to a stream that the daemon gave away: raw terminal, resize, signals, detach keys, the
/// end of stdin.
class Session {
 public:
  using Resize = std::function<void(TerminalSize)>;
  using Signal = std::function<void(int number)>;

  /// From here on signals are held for `run`.
  explicit Session(SessionOptions options);

  /// Before the stream's other end has begun: a signal that came so far and asks this program to end, 0 if there is
  /// none.
  [[nodiscard]] int asked_to_end();
  /// For `run`, as one that came.
  void hold(int number) { held_.push_back(number); }

  /// Puts the terminal into raw mode if the session has one.
  void enter_raw_mode();

  enum class End { closed, detached, signalled };
  /// Copies until the stream ends. `signalled`: by one that was not to be handed on; `number()` says which.
  End run(Exchange& stream, const Resize& resize, const Signal& signal);

  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] bool tty() const noexcept { return options_.tty; }

 private:
  struct Input;
  int next_signal();
  bool take_signals(const Resize& resize, const Signal& signal);

  SessionOptions options_;
  std::string detach_sequence_;
  std::optional<SignalQueue> signals_;
  std::deque<int> held_;  ///< Taken from there already.
  std::unique_ptr<RawMode> raw_;
  int number_ = 0;
};

/// Writes all of it; what the reader went away from is dropped.
void write_output(int fd, std::string_view bytes);

}  // namespace gantry::cli
