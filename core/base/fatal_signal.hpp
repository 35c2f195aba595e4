#pragma once

#include <cstddef>
#include <string>

/// A line on standard error before a fatal signal ends the process as it would anyway (the core file and the exit
/// status are what they would be): which signal, in which shared object, and during which call into a driver.
namespace gantry {

/// SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, where nobody (a sanitizer) has handlers for them yet. `program`: the
/// line's first word; lives for ever.
void report_fatal_signals(const char* program);

/// Takes down where the shared objects are that are loaded now: the handler cannot ask. `driver`: the path of one that
/// was loaded as `loaded`. Any thread.
void note_shared_objects(const std::string& driver = {}, const std::string& loaded = {});

/// What this thread does, as long as this lives: "a call into the log driver \"text\"". The strings outlive it.
class Doing {
 public:
  Doing(const char* what, const char* kind, const char* name) noexcept;
  ~Doing();
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;

 private:
  friend struct FatalSignal;
  const char* what_;
  const char* kind_;
  const char* name_;
  const Doing* outer_;
};

/// A stack for the handler, as a thread's own may be what has run out. One for each thread, on that thread.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace gantry
