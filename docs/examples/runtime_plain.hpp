#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gantry/runtime.hpp"

/// A runtime driver in two pages: processes of the host, with no isolation whatever; they do not outlive the daemon's
/// books.
namespace sample {

namespace runtime = gantry::runtime::v1;

class RuntimePlain : public runtime::Driver {
 public:
  ~RuntimePlain() override {
    for (auto& [id, container] : containers_) end(container);
  }

  void capabilities(gantry::Capabilities&) const override {}
  void options(std::vector<gantry::OptionInfo>&) const override {}
  void open(gantry::Host&) override {}

  /// The child waits for a byte on a pipe before it executes the program; the daemon's death closes the pipe.
  void create(const runtime::Spec& spec, runtime::Running& out, const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    if (containers_.contains(spec.id)) throw gantry::Error{gantry::Errc::conflict, "container exists: " + spec.id};
    if (spec.process.args.empty()) throw gantry::Error{gantry::Errc::invalid, "no command specified"};
    Container container;
    const auto go = make_pipe();
    const auto failed = make_pipe();
    std::vector<char*> args;
    for (const std::string& argument : spec.process.args) args.push_back(const_cast<char*>(argument.c_str()));
    args.push_back(nullptr);
    container.pid = ::fork();
    if (container.pid < 0) throw gantry::Error{gantry::Errc::exhausted, "fork: " + std::string{std::strerror(errno)}};
    if (container.pid == 0) child(go[0].get(), go[1].get(), failed[1].get(), args.data());
    container.pid_fd = gantry::UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, container.pid, 0))};
    container.go = gantry::UniqueFd{::fcntl(go[1].get(), F_DUPFD_CLOEXEC, 0)};
    container.failed = gantry::UniqueFd{::fcntl(failed[0].get(), F_DUPFD_CLOEXEC, 0)};
    out.pid = container.pid;
    out.exit_fd = gantry::UniqueFd{::fcntl(container.pid_fd.get(), F_DUPFD_CLOEXEC, 0)};
    containers_.emplace(spec.id, std::move(container));
  }

  void start(const std::string& id, const gantry::Call&) override {
    Container& container = find(id);
    if (::write(container.go.get(), "g", 1) != 1)
      throw gantry::Error{gantry::Errc::conflict, "container was started: " + id};
    container.go.reset();
    int error = 0;
    if (::read(container.failed.get(), &error, sizeof error) != sizeof error) return;
    remove_now(id);
    throw gantry::Error{error == ENOENT ? gantry::Errc::not_found : gantry::Errc::denied,
                        "exec: " + std::string{std::strerror(error)}};
  }

  void signal(const std::string& id, const std::string&, int signal, const gantry::Call&) override {
    ::syscall(SYS_pidfd_send_signal, find(id).pid_fd.get(), signal, nullptr, 0);
  }

  void exit_status(const std::string& id, const std::string&, runtime::ExitStatus& out, const gantry::Call&) override {
    Container& container = find(id);
    if (!reap(container, WNOHANG)) throw gantry::Error{gantry::Errc::conflict, "container still runs: " + id};
    out = container.status;
  }

  void remove(const std::string& id, const gantry::Call&) override { remove_now(id); }

  void list(std::vector<std::string>& out, const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    for (const auto& [id, container] : containers_) out.push_back(id);
  }

  void adopt(const std::string& id, runtime::Running&, const gantry::Call&) override {
    throw gantry::Error{gantry::Errc::not_found, "no such container: " + id};
  }

  void pause(const std::string& id, const gantry::Call& call) override { signal(id, "", SIGSTOP, call); }
  void resume(const std::string& id, const gantry::Call& call) override { signal(id, "", SIGCONT, call); }
  void processes(const std::string& id, std::vector<std::int64_t>& out, const gantry::Call&) override {
    out.push_back(find(id).pid);
  }

  void update(const std::string&, const runtime::Resources&, const gantry::Call&) override { unsupported("limits"); }
  void stats(const std::string&, runtime::Stats&, const gantry::Call&) override { unsupported("figures"); }
  void exec(const std::string&, const runtime::ExecSpec&, runtime::Running&, runtime::Streams&,
            const gantry::Call&) override {
    unsupported("exec");
  }
  void attach(const std::string&, runtime::Streams&, const gantry::Call&) override { unsupported("streams"); }
  void resize(const std::string&, const std::string&, std::uint16_t, std::uint16_t, const gantry::Call&) override {
    unsupported("terminals");
  }
  void reopen_log(const std::string&, const gantry::Call&) override {}

 private:
  struct Container {
    pid_t pid{};
    gantry::UniqueFd pid_fd;
    gantry::UniqueFd go;
    gantry::UniqueFd failed;
    bool ended{};
    runtime::ExitStatus status;
  };

  static std::vector<gantry::UniqueFd> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw gantry::Error{gantry::Errc::exhausted, "pipe"};
    std::vector<gantry::UniqueFd> pipe;
    pipe.emplace_back(ends[0]);
    pipe.emplace_back(ends[1]);
    return pipe;
  }

  /// Between fork and exec of a threaded process: system calls only.
  [[noreturn]] static void child(int go, int go_other_end, int failed, char** args) {
    ::close(go_other_end);
    char byte = 0;
    if (::read(go, &byte, 1) != 1) ::_exit(137);
    ::execvp(args[0], args);
    const int error = errno;
    ::_exit(::write(failed, &error, sizeof error) == sizeof error ? 127 : 126);
  }

  Container& find(const std::string& id) {
    const std::scoped_lock guard{mutex_};
    const auto found = containers_.find(id);
    if (found == containers_.end()) throw gantry::Error{gantry::Errc::not_found, "no such container: " + id};
    return found->second;
  }

  static bool reap(Container& container, int flags) {
    if (container.ended) return true;
    int status = 0;
    if (::waitpid(container.pid, &status, flags) != container.pid) return false;
    container.ended = true;
    container.status.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    container.status.finished_at_ns = static_cast<std::int64_t>(::time(nullptr)) * 1'000'000'000;
    return true;
  }

  static void end(Container& container) {
    if (container.ended) return;
    ::kill(container.pid, SIGKILL);
    reap(container, 0);
  }

  void remove_now(const std::string& id) {
    const std::scoped_lock guard{mutex_};
    const auto found = containers_.find(id);
    if (found == containers_.end()) return;
    end(found->second);
    containers_.erase(found);
  }

  [[noreturn]] static void unsupported(const std::string& what) {
    throw gantry::Error{gantry::Errc::unsupported, "plain processes have no " + what};
  }

  std::mutex mutex_;
  std::map<std::string, Container> containers_;
};

}  // namespace sample
