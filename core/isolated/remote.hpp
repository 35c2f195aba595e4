#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "gantry/driver.hpp"
#include "gantry/error.hpp"
#include "isolated/description.hpp"
#include "isolated/ends.hpp"
#include "isolated/exchange.hpp"
#include "isolated/host_process.hpp"
#include "isolated/lesson.hpp"

namespace gantry::isolated {

/// Which driver runs in a process of its own, and what is to be done about its crashes.
struct RemoteSettings {
  std::shared_ptr<const HostProgram> program;
  std::shared_ptr<const DriverFile> file;
  Description description;  ///< As `describe` answers it.
  std::string title;        ///< For messages: volume driver "local".
  /// Where the end of the process is noted while it takes its time. May be empty: whoever gives the driver up waits.
  std::shared_ptr<Ends> ends;
  /// Takes a line of the driver's outside of any call, on any thread; may outlive the host. May be empty.
  std::function<void(LogLevel, std::string_view)> log;
  /// Says on a thread of its own that a process has ended and what comes next. May be empty.
  std::function<void(LogLevel, const std::string&)> report;
  /// The driver was opened anew after a crash: it knows nothing of what its predecessor was told. Calls wait until
  /// somebody has told it again, by a proxy of that lesson, and has called `ready`. May be empty: they need not wait.
  std::function<void(Lesson lesson)> relearn;
  /// How long a cancelled call may take to return. A little less than the daemon's own patience (CallSettings), after
  /// which a thread would be lost to it.
  std::chrono::milliseconds grace{9'000};
};

/// A driver's process did not return from a call: it has crashed, or hangs though the call was cancelled.
class DriverLost : public Error {
 public:
  explicit DriverLost(const std::string& message) : Error(Errc::unavailable, message) {}
};

/// Asks a process of its own what a driver's file says of itself: nothing of it runs in this one.
/// Errors: the file's refusal, by its message; unavailable (the process crashed, or did not answer).
Description describe(const HostProgram& program, const DriverFile& file);

/// One driver object in a process of its own. When that crashes, the calls under way fail, and another one is started
/// at once; one that crashes again and again is waited with longer and longer. Any thread.
class Remote {
 public:
  explicit Remote(RemoteSettings settings);
  /// Ends the process; the driver is destroyed before. No call is under way.
  ~Remote();
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;

  [[nodiscard]] const Description& description() const noexcept;

  /// Starts the process and opens the driver; `host` is not kept. Errors: the driver's; unavailable.
  void open(const Host& host);

  /// Whether the driver answers `query` for an ability, as far as its kind's proxy can stand for it.
  [[nodiscard]] bool has(std::string_view ability) const noexcept;

  /// Makes a call. `message`: the method's number and its parameters. While the driver is started anew it waits, unless
  /// the call is of the `lesson` that it gets. Errors: the driver's; DriverLost; unavailable (its process cannot be
  /// started; the lesson is of an earlier start).
  Json call(const Request& request, const Json& message, Lesson lesson);

  /// Ends the process, which has said what makes no sense. Errors: always, DriverLost.
  [[noreturn]] void distrust(const std::string& why);

  /// What the driver knew before it crashed it knows again, if this was its last lesson.
  void ready(Lesson lesson) noexcept;

  /// That of the driver; -1: there is none just now.
  [[nodiscard]] pid_t pid() const noexcept;

 private:
  class Core;
  std::shared_ptr<Core> core_;
  std::thread keeper_;
};

/// How long is waited before a driver that has crashed so often is started again.
std::chrono::milliseconds restart_delay(int crashes);

}  // namespace gantry::isolated
