#include "shim/container.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "container_shim/message.hpp"
#include "shim/cgroup.hpp"
#include "shim/init.hpp"
#include "shim/oci_runtime.hpp"
#include "shim/system.hpp"

// glibc 2.36 forgets to say so in its own header.
extern "C" {
#include <sys/pidfd.h>
}

namespace gantry::container_shim {

namespace {

std::string exit_record(int code, bool oom_killed) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return number(code) + (oom_killed ? " 1 " : " 0 ") + number(std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec) +
         "\n";
}

}  // namespace

Container::Container(Loop& loop, Plan plan, UniqueFd exit_pipe, UniqueFd init_program)
    : loop_(loop), plan_(std::move(plan)), log_(loop_, plan_.log), init_program_(std::move(init_program)) {
  init_ = processes_.emplace_back(std::make_unique<Process>()).get();
  init_->watchers.push_back(std::move(exit_pipe));
}

Reply Container::not_running() const { return failure(Errc::conflict, "container " + plan_.id + " is not running"); }

Reply Container::make_cgroups(bool unified) {
  for (const PlanCgroup& cgroup : plan_.cgroups) {
    if (cgroup.unified != unified) continue;
    if (std::string error = make_cgroup(cgroup); !error.empty()) return failure(Errc::invalid, std::move(error));
  }
  return {};
}

void Container::create(UniqueFd connection) {
  if (plan_.oci) return create_by_runtime(std::move(connection));
  const Reply made = make_init();
  answer(connection.get(), made);
  if (made.error != 0) loop_.stop();
}

Reply Container::make_init() {
  if (Reply made = make_cgroups(true); made.error != 0) return made;
  for (const PlanNamespace& space : plan_.joined_namespaces) {
    if (space.flag != CLONE_NEWPID || joins(plan_, CLONE_NEWUSER)) continue;
    const UniqueFd own(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
    const UniqueFd fd(::open(space.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!own || !fd || ::setns(fd.get(), CLONE_NEWPID) < 0) return errno_failure("join namespace " + space.path);
    Reply reply = clone_init();
    // Holds for the shim's children: the later ones go in by themselves.
    if (::setns(own.get(), CLONE_NEWPID) < 0) return errno_failure("leave namespace " + space.path);
    return reply;
  }
  return clone_init();
}

Reply Container::clone_init() {
  StdioEnds ends = make_stdio(plan_.stdio, plan_.process.terminal);
  give_to_root(ends);
  const PlanCgroup* unified = unified_cgroup(plan_.cgroups);
  const UniqueFd directory(unified != nullptr ? ::open(unified->directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                              : -1);
  CloneSettings settings;
  // The cgroup namespace comes when the process is in its cgroup.
  const bool joins_user = joins(plan_, CLONE_NEWUSER);
  settings.namespaces = joins_user ? 0 : plan_.new_namespaces & ~std::uint64_t{CLONE_NEWCGROUP};
  settings.cgroup = directory.get();
  settings.extra_fd = init_program_.get();
  if (clone_into(*init_, settings, ends)) run_init(plan_);
  if (init_->pid < 0) return clone_failure();
  if (joins_user) {
    if (Reply joined = await_child(*init_); joined.error != 0) return joined;
  }
  init_->streams = std::make_unique<Streams>(loop_, plan_.stdio, plan_.process.terminal, &log_);
  init_->streams->take(ends);
  watch_line(*init_);
  // The daemon goes on with the network while the cgroup and the init are made ready; what fails is told at the start.
  loop_.defer([this] {
    if (const Reply placed = place_init(); placed.error != 0) {
      if (init_->failure.error == 0) init_->failure = placed;
      ::kill(init_->pid, SIGKILL);
    }
  });
  Reply reply;
  reply.pid = init_->pid;
  return reply;
}

Reply Container::place_init() {
  if (Reply prepared = prepare_user_namespace(); prepared.error != 0) return prepared;
  if (Reply made = make_cgroups(false); made.error != 0) return made;
  CgroupDoors doors;
  if (std::string error = doors.open(plan_.cgroups); !error.empty()) return failure(Errc::io, std::move(error));
  init_->send(Signal::cgroup_ready, doors.descriptors());
  return {};
}

void Container::start(UniqueFd connection) {
  if (init_->failure.error != 0 || init_->ended || start_requested_) {
    answer(connection.get(), init_->failure.error != 0 ? init_->failure : not_running());
    return;
  }
  // On disk before the program runs: a daemon that is killed now finds the container when it comes back.
  const std::string state =
      number(::getpid()) + " " + number(static_cast<std::int64_t>(process_start_time(::getpid()))) + " " +
      number(init_->pid) + " " + number(static_cast<std::int64_t>(process_start_time(init_->pid))) + "\n";
  if (const int error = replace_file(kStateFile, state); error != 0) {
    answer(connection.get(), failure(Errc::io, std::string("write ") + kStateFile + ": " + error_text(error)));
    return;
  }
  start_requested_ = true;
  init_->waiting = std::move(connection);
  if (plan_.oci) return start_by_runtime();
  init_->send(Signal::start);
}

void Container::lose_owner() {
  if (init_->executed) return;
  if (init_->pid > 0 && !init_->ended) ::kill(init_->pid, SIGKILL);
  if (plan_.oci) {
    for (const pid_t runtime : {init_->joiner, starter_}) {
      if (runtime > 0) ::kill(runtime, SIGKILL);
    }
    kill_cgroup(plan_.cgroups);
  }
  if (groundwork_ > 0) ::kill(groundwork_, SIGKILL);
  loop_.stop();
}

void Container::exec(const Request& request, ExecPlan plan, UniqueFd socket, UniqueFd exit_pipe, UniqueFd connection) {
  if (!init_->executed || init_->ended) return answer(connection.get(), not_running());
  if (find(request.exec_id) != nullptr) {
    return answer(connection.get(), failure(Errc::conflict, "exec " + request.exec_id + " exists already"));
  }
  Process& process = *processes_.emplace_back(std::make_unique<Process>());
  process.exec_id = request.exec_id;
  StdioEnds ends = make_stdio(plan.stdio, plan.process.terminal);
  give_to_root(ends);
  const PlanCgroup* unified = unified_cgroup(plan_.cgroups);
  const UniqueFd directory(unified != nullptr ? ::open(unified->directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                              : -1);
  CloneSettings settings;
  settings.cgroup = directory.get();
  settings.extra_fd = init_->pidfd.get();
  if (plan_.oci && plan.process.terminal) listen_for_terminal(process);
  const pid_t shim = ::getpid();
  if (clone_into(process, settings, ends)) {
    if (plan_.oci) run_oci_exec(plan_, {plan, request.exec_id, shim, init_->pid});
    run_exec(plan_, plan.process);
  }
  if (process.pid < 0) {
    const Reply reply = errno_failure("clone a process");
    processes_.pop_back();
    return answer(connection.get(), reply);
  }
  process.streams = std::make_unique<Streams>(loop_, plan.stdio, plan.process.terminal, nullptr);
  process.streams->take(ends);
  process.streams->add_client(std::move(socket));
  process.watchers.push_back(std::move(exit_pipe));
  process.waiting = std::move(connection);
  process.joiner = process.pid;
  if (plan_.oci) {
    process.pid = 0;  // not before the runtime has made it
    process.streams->resize(plan.process.rows, plan.process.columns);
    limit_runtime(process, process.joiner, "exec");
  }
  watch_line(process);
}

Process* Container::find(const std::string& exec_id) {
  for (const auto& process : processes_) {
    if (process->exec_id == exec_id) return process.get();
  }
  return nullptr;
}

Reply Container::attach(UniqueFd socket) {
  // Of an init that failed before its start, the start will tell.
  if (init_->ended && init_->executed) return not_running();
  init_->streams->add_client(std::move(socket));
  return {};
}

Reply Container::signal(const Request& request) {
  Process* process = find(request.exec_id);
  if (process == nullptr || process->ended) return not_running();
  if (process->pid <= 0) {
    process->doomed = process->doomed || request.number == SIGKILL;
    return process->doomed ? Reply() : not_running();
  }
  // A health check that takes too long is killed with what it has started.
  if (process != init_ && request.number == SIGKILL) kill_session(process->pid);
  if (::pidfd_send_signal(process->pidfd.get(), static_cast<int>(request.number), nullptr, 0) < 0) {
    return errno == ESRCH ? not_running() : errno_failure("signal " + number(request.number));
  }
  return {};
}

Reply Container::resize(const Request& request) {
  const Process* process = find(request.exec_id);
  if (process == nullptr || process->ended) return not_running();
  process->streams->resize(static_cast<std::uint16_t>(request.number >> 16),
                           static_cast<std::uint16_t>(request.number));
  return {};
}

Reply Container::reopen_log() {
  log_.reopen();
  return {};
}

Reply Container::watch(const Request& request, UniqueFd exit_pipe) {
  Process* process = find(request.exec_id);
  if (process == nullptr) return failure(Errc::not_found, "No such exec instance: " + request.exec_id);
  // Of one that has ended the pipe is closed at once: that is the news.
  if (exit_pipe && !process->ended) process->watchers.push_back(std::move(exit_pipe));
  return {};
}

void Container::watch_line(Process& process) {
  loop_.add(process.line.get(), EPOLLIN, [this, &process](std::uint32_t) { read_line(process); });
}

void Container::read_line(Process& process) {
  while (process.line) {
    Message message = receive_message(process.line.get(), 4096, MSG_DONTWAIT);
    if (message.size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // A process that fails does not read the shim's last signal: that comes back as an error, before its own report.
    if (message.size < 0 && errno == ECONNRESET) continue;
    if (message.size <= 0) return on_executed(process);
    const char kind = message.bytes[0];
    UniqueFd received = message.take(0);
    if (kind == static_cast<char>(Report::failure)) {
      on_failure(process, message.bytes);
    } else if (kind == static_cast<char>(Report::terminal) && received) {
      process.streams->take_terminal(std::move(received));
    } else if (kind == static_cast<char>(Report::child) && received) {
      on_child(process, message.bytes, std::move(received));
    }
  }
}

/// The one that has joined the namespaces says who goes on, inside.
void Container::on_child(Process& process, std::string_view report, UniqueFd pidfd) {
  process.pid = static_cast<pid_t>(std::strtol(report.data() + 1, nullptr, 10));
  process.pidfd = std::move(pidfd);
}

void Container::on_failure(Process& process, std::string_view report) {
  loop_.remove(process.line.get());
  process.line.reset();
  if (process.failure.error == 0 && report.size() > 1) {
    process.failure = failure(static_cast<Errc>(report[1]), std::string(report.substr(2)));
  }
  if (process.waiting) answer(process.waiting.get(), process.failure);
  process.waiting.reset();
}

/// The line has ended without a complaint: by execve, or because the process was killed on its way.
void Container::on_executed(Process& process) {
  loop_.remove(process.line.get());
  process.line.reset();
  if (plan_.oci) return;  // it was the runtime that was executed
  const bool started = process.waiting && process.failure.error == 0;
  process.executed = started;
  if (!started) return;
  Reply reply;
  reply.pid = process.pid;
  answer(process.waiting.get(), reply);
  process.waiting.reset();
}

void Container::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) on_child_end(pid, status);
  const auto joins = [](const auto& process) { return process->joiner != 0; };
  if (starter_ == 0 && std::none_of(processes_.begin(), processes_.end(), joins)) ended_early_.clear();
}

void Container::on_child_end(pid_t pid, int status) {
  if (pid == groundwork_) return on_groundwork_end(status);
  if (pid == starter_) return on_runtime_started(status);
  for (const auto& process : processes_) {
    if (process->joiner == pid) return on_joined(*process, status);
    if (process->pid != pid || process->joiner != 0 || process->ended) continue;
    if (process.get() == init_ && starter_ != 0) break;  // let the runtime say first that it has started it
    if (plan_.oci && process.get() == init_ && init_->executed) finish_start();
    return on_exit(*process, status);
  }
  // Perhaps of an exec whose joiner has not said so yet, or not ended.
  ended_early_[pid] = status;
}

/// Only now, with the joiner's end of the line closed, does that line end when the program is executed.
void Container::on_joined(Process& process, int status) {
  if (plan_.oci) return on_made_by_runtime(process, status);
  if (process.line) read_line(process);
  const pid_t joiner = std::exchange(process.joiner, 0);
  if (process.pid == joiner) return on_exit(process, status);  // it failed
  const auto early = ended_early_.find(process.pid);
  if (early != ended_early_.end()) return on_exit(process, early->second);
  if (&process != init_) process.send(Signal::start);
}

void Container::on_exit(Process& process, int status) {
  if (process.line) read_line(process);
  if (process.waiting) answer(process.waiting.get(), not_running());  // killed on its way into the namespaces
  process.waiting.reset();
  process.ended = true;
  const int code = exit_code(status);
  if (&process == init_) {
    if (!process.executed) {
      if (process.failure.error == 0)
        process.failure = failure(Errc::io, "the container's init was killed before its start");
      process.watchers.clear();
      return;  // The owner asks for the start, hears of the failure and goes.
    }
    process.streams->finish([this] { end_if_idle(); });
    record_exit(code);
  } else {
    if (process.executed) record_exec_exit(process, code);
    process.streams->finish([this, &process] { forget(process); });
  }
  process.watchers.clear();
}

void Container::record_exit(int code) {
  // Without a PID namespace of its own the rest of the container lives on; Docker ends it with the init.
  if ((plan_.new_namespaces & CLONE_NEWPID) == 0) kill_cgroup(plan_.cgroups);
  replace_file(kExitFile, exit_record(code, oom_kills(plan_.cgroups) > 0));
  ::unlink(kSocketFile);
}

void Container::record_exec_exit(const Process& process, int code) {
  constexpr std::size_t kMaxRecords = 8192;
  constexpr std::size_t kKeptBytes = 65536;
  if (++exec_records_ > kMaxRecords) {
    std::string kept = read_small_file(kExecsFile, std::size_t{4} << 20);
    if (kept.size() > kKeptBytes) kept.erase(0, kept.find('\n', kept.size() - kKeptBytes) + 1);
    replace_file(kExecsFile, kept);
    exec_records_ = 0;
  }
  write_whole_file(kExecsFile, process.exec_id + " " + exit_record(code, false), O_CREAT | O_APPEND);
}

void Container::forget(Process& process) {
  processes_.remove_if([&](const auto& candidate) { return candidate.get() == &process; });
  end_if_idle();
}

void Container::end_if_idle() {
  if (!init_->ended) return;
  init_->streams.reset();
  if (processes_.size() == 1) loop_.stop();
}

}  // namespace gantry::container_shim
