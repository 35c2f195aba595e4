// What the shim does for a container that an OCI runtime of the host's makes: the runtime's processes are the shim's
// children, and so is what they leave behind.

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "container_shim/message.hpp"
#include "shim/container.hpp"
#include "shim/oci_runtime.hpp"
#include "shim/system.hpp"

// glibc 2.36 forgets to say so in its own header.
extern "C" {
#include <sys/pidfd.h>
}

namespace gantry::container_shim {

namespace {

/// The pid that the runtime has written; 0 if it has not.
pid_t written_pid(const std::string& exec_id) {
  const std::string file = oci_file(exec_id, "pid");
  const auto pid = static_cast<pid_t>(std::strtol(read_small_file(file.c_str()).c_str(), nullptr, 10));
  return pid > 0 ? pid : 0;
}

/// What one run of the runtime leaves; the log is the driver's to read and remove.
void remove_run_files(const std::string& exec_id) {
  for (const char* kind : {"tty", "pid"}) ::unlink(oci_file(exec_id, kind).c_str());
  if (!exec_id.empty()) ::unlink(oci_file(exec_id, "json").c_str());
}

Reply runtime_failure(int status) { return failure(Errc::io, kOciRuntimeFailed + number(exit_code(status))); }

}  // namespace

void Container::create_by_runtime(UniqueFd connection) {
  StdioEnds ends = make_stdio(plan_.stdio, plan_.process.terminal);
  give_to_root(ends);
  if (plan_.process.terminal) listen_for_terminal(*init_);
  // Runtimes close what they do not know, at the latest when the program is executed: that is how the shim learns of
  // it.
  int pipe[2] = {-1, -1};
  [[maybe_unused]] const int made = ::pipe2(pipe, O_CLOEXEC);
  execution_.reset(pipe[0]);
  const UniqueFd held(pipe[1]);
  CloneSettings settings;
  settings.extra_fd = held.get();
  const pid_t shim = ::getpid();
  if (clone_into(*init_, settings, ends)) run_oci_create(plan_, shim);
  if (init_->pid < 0) {
    answer(connection.get(), errno_failure("start the OCI runtime"));
    return loop_.stop();
  }
  init_->joiner = std::exchange(init_->pid, 0);
  init_->waiting = std::move(connection);
  init_->streams = std::make_unique<Streams>(loop_, plan_.stdio, plan_.process.terminal, &log_);
  init_->streams->take(ends);
  init_->streams->resize(plan_.process.rows, plan_.process.columns);
  watch_line(*init_);
  limit_runtime(*init_, init_->joiner, "create");
}

/// A runtime that hangs keeps neither its caller waiting nor the container.
void Container::limit_runtime(Process& process, pid_t runtime, const char* command) {
  if (plan_.oci->time_limit == 0) return;
  itimerspec time{};
  time.it_value.tv_sec = plan_.oci->time_limit;
  process.patience.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  if (!process.patience || ::timerfd_settime(process.patience.get(), 0, &time, nullptr) < 0) return;
  loop_.add(process.patience.get(), EPOLLIN,
            [this, &process, runtime, command](std::uint32_t) { give_up_runtime(process, runtime, command); });
}

void Container::end_patience(Process& process) {
  if (process.patience) loop_.remove(process.patience.get());
  process.patience.reset();
}

/// The answer does not wait for its end: what the kernel does not let go cannot be killed.
void Container::give_up_runtime(Process& process, pid_t runtime, const char* command) {
  end_patience(process);
  process.failure = failure(Errc::io, kOciRuntimeLate + plan_.oci->command.front() + " " + command +
                                          " still ran after " + number(plan_.oci->time_limit) + " s");
  if (process.waiting) answer(process.waiting.get(), process.failure);
  process.waiting.reset();
  ::kill(-runtime, SIGKILL);
  ::kill(runtime, SIGKILL);
}

void Container::listen_for_terminal(Process& process) {
  const std::string path = oci_file(process.exec_id, "tty");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // If this fails the runtime says that nobody listens.
  if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener.get(), 1) < 0) {
    return;
  }
  process.console = std::move(listener);
  loop_.add(process.console.get(), EPOLLIN, [this, &process](std::uint32_t) {
    // Its streams are there by now: the loop did not run in between.
    receive_terminal(process);
  });
}

/// Takes the terminal if the runtime has sent it.
bool Container::receive_terminal(Process& process) {
  const UniqueFd connection(::accept4(process.console.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) return false;
  Message message = receive_message(connection.get(), 4096);
  UniqueFd terminal = message.take(0);
  loop_.remove(process.console.get());
  process.console.reset();
  if (!terminal) return false;
  process.streams->take_terminal(std::move(terminal));
  return true;
}

/// The runtime's `create` or `exec` has ended: what it made is the shim's child now.
void Container::on_made_by_runtime(Process& process, int status) {
  end_patience(process);
  if (process.line) read_line(process);
  process.joiner = 0;
  const pid_t pid = status == 0 ? written_pid(process.exec_id) : 0;
  if (process.console) {
    if (pid > 0) receive_terminal(process);
    if (process.console) loop_.remove(process.console.get());
    process.console.reset();
  }
  remove_run_files(process.exec_id);
  if (pid == 0) {
    if (process.failure.error == 0) process.failure = runtime_failure(status);
    if (process.waiting) answer(process.waiting.get(), process.failure);
    process.waiting.reset();
    process.ended = true;
    process.watchers.clear();
    if (&process != init_) process.streams->finish([this, &process] { forget(process); });
    return;  // Of the container's own the owner hears, and goes.
  }
  const auto early = ended_early_.find(pid);
  const bool alive = early == ended_early_.end();  // as a child that is not reaped, its number is its own
  process.pid = pid;
  process.pidfd.reset(alive ? ::pidfd_open(pid, 0) : -1);
  process.executed = &process != init_;
  if ((process.doomed || process.failure.error != 0) && alive) {
    kill_session(pid);
    ::kill(pid, SIGKILL);
  }
  Reply reply;
  reply.pid = pid;
  if (process.waiting) answer(process.waiting.get(), reply);
  process.waiting.reset();
  if (!alive) on_exit(process, early->second);
}

void Container::start_by_runtime() {
  UniqueFd pidfd;
  const pid_t shim = ::getpid();
  starter_ = clone_process(0, pidfd);
  if (starter_ == 0) run_oci_start(plan_, shim, init_->pid);
  if (starter_ > 0) return limit_runtime(*init_, starter_, "start");
  starter_ = 0;
  answer(init_->waiting.get(), errno_failure("start the OCI runtime"));
  init_->waiting.reset();
}

void Container::on_runtime_started(int status) {
  starter_ = 0;
  end_patience(*init_);
  init_->executed = status == 0;
  if (!init_->executed && init_->failure.error == 0) init_->failure = runtime_failure(status);
  const auto early = ended_early_.find(init_->pid);
  if (!init_->executed || early != ended_early_.end()) finish_start();
  if (early != ended_early_.end()) return on_exit(*init_, early->second);
  if (init_->executed) await_execution();
}

/// The runtime has let the init go on, which is a moment before its execve.
void Container::await_execution() {
  itimerspec time{};
  time.it_value.tv_sec = 1;
  patience_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  if (!execution_ || !patience_ || ::timerfd_settime(patience_.get(), 0, &time, nullptr) < 0) return finish_start();
  loop_.add(execution_.get(), 0, [this](std::uint32_t) { finish_start(); });
  loop_.add(patience_.get(), EPOLLIN, [this](std::uint32_t) { finish_start(); });
}

/// Answers whoever asked for the start; nothing if that has been done.
void Container::finish_start() {
  for (UniqueFd* fd : {&execution_, &patience_}) {
    if (*fd) loop_.remove(fd->get());
    fd->reset();
  }
  if (!init_->waiting) return;
  Reply reply = init_->failure;
  reply.pid = init_->pid;
  answer(init_->waiting.get(), reply);
  init_->waiting.reset();
}

}  // namespace gantry::container_shim
