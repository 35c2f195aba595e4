#include "terminal/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace gantry::cli {

namespace {

sigset_t signal_set(SignalQueue::Which which) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGWINCH);
  if (which == SignalQueue::Which::window) return set;
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::sigaddset(&set, number);
  if (which == SignalQueue::Which::ending) return set;
  // Not those that a fault of this program raises, nor those that the terminal's job control and sockets need.
  for (const int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGIO, SIGPWR, SIGPROF, SIGVTALRM, SIGTSTP}) {
    ::sigaddset(&set, number);
  }
  return set;
}

volatile std::sig_atomic_t noted_signal = 0;

extern "C" void note_signal(int number) { noted_signal = number; }

}  // namespace

SignalQueue::SignalQueue(Which which) {
  const sigset_t set = signal_set(which);
  ::sigprocmask(SIG_BLOCK, &set, &before_);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
}

SignalQueue::~SignalQueue() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

int SignalQueue::take() const {
  signalfd_siginfo signal{};
  return ::read(fd_.get(), &signal, sizeof signal) == sizeof signal ? static_cast<int>(signal.ssi_signo) : 0;
}

void Interruption::resume() {
  struct sigaction note {};
  note.sa_handler = note_signal;
  note.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  for (std::size_t at = 0; at < kSignals.size(); ++at) ::sigaction(kSignals[at], &note, &before_[at]);
}

void Interruption::restore() {
  for (std::size_t at = 0; at < kSignals.size(); ++at) ::sigaction(kSignals[at], &before_[at], nullptr);
}

void Interruption::pause() {
  restore();
  if (const int number = noted_signal; number != 0) ::raise(number);
  noted_signal = 0;
}

int Interruption::number() { return noted_signal; }

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name == nullptr ? std::to_string(number) : name;
}

}  // namespace gantry::cli
