#include "command.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <sstream>

namespace gantry::e2e {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void become(const std::string& script, const Environment& environment) {
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  ::execl("/bin/sh", "sh", "-c", script.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

int as_shell_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  Pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) std::abort();
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
};

// Feeds `input` and gathers both outputs until both are closed or the deadline passes.
bool pump(UniqueFd in, std::string_view input, int out, int err, Result& result, Clock::time_point deadline) {
  ::fcntl(in.get(), F_SETFL, O_NONBLOCK);
  bool out_open = true;
  bool err_open = true;
  std::array<char, 65536> buffer;
  if (input.empty()) in.reset();
  while (out_open || err_open) {
    std::array<pollfd, 3> fds{pollfd{out_open ? out : -1, POLLIN, 0}, pollfd{err_open ? err : -1, POLLIN, 0},
                              pollfd{in ? in.get() : -1, POLLOUT, 0}};
    if (::poll(fds.data(), fds.size(), milliseconds_until(deadline)) <= 0) return false;
    const auto drain = [&buffer](int fd, std::string& text) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
      return got > 0;
    };
    if (fds[0].revents != 0) out_open = drain(out, result.out);
    if (fds[1].revents != 0) err_open = drain(err, result.err);
    if (fds[2].revents != 0) {
      const ssize_t put = ::write(in.get(), input.data(), input.size());
      if (put > 0) input.remove_prefix(static_cast<std::size_t>(put));
      if (put <= 0 || input.empty()) in.reset();
    }
  }
  return true;
}

}  // namespace

std::string Result::line() const { return out.substr(0, out.find('\n')); }

std::vector<std::string> Result::lines() const {
  std::vector<std::string> all;
  std::istringstream stream{out};
  for (std::string text; std::getline(stream, text);) all.push_back(text);
  return all;
}

Result shell(const std::string& script, const Environment& environment, const std::string& input,
             std::chrono::seconds limit) {
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setpgid(0, 0);
    ::dup2(in.read.get(), 0);
    ::dup2(out.write.get(), 1);
    ::dup2(err.write.get(), 2);
    become(script, environment);
  }
  in.read.reset();
  out.write.reset();
  err.write.reset();
  Result result;
  const bool ended = pump(std::move(in.write), input, out.read.get(), err.read.get(), result, Clock::now() + limit);
  if (!ended) {
    ::kill(-pid, SIGKILL);
    ADD_FAILURE() << "took longer than " << limit.count() << " s: " << script << "\n" << result.out << result.err;
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  result.code = as_shell_code(status);
  return result;
}

Background::Background(const std::string& script, const Environment& environment, bool terminal) : terminal_(terminal) {
  if (terminal) {
    winsize size{24, 80, 0, 0};
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid_ == 0) become(script, environment);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    input_.reset(::fcntl(master, F_DUPFD_CLOEXEC, 0));
    output_fd_.reset(master);
  } else {
    Pipe in;
    Pipe out;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in.read.get(), 0);
      ::dup2(out.write.get(), 1);
      ::dup2(out.write.get(), 2);
      become(script, environment);
    }
    input_ = std::move(in.write);
    output_fd_ = std::move(out.read);
  }
  pid_fd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

Background::~Background() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void Background::type(const std::string& text) {
  if (::write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    ADD_FAILURE() << "cannot type " << text;
  }
}

void Background::close_input() { input_.reset(); }

void Background::resize(unsigned short rows, unsigned short columns) {
  winsize size{rows, columns, 0, 0};
  ::ioctl(output_fd_.get(), TIOCSWINSZ, &size);
}

void Background::signal(int number) { ::kill(pid_, number); }

bool Background::read_some(Clock::time_point deadline) {
  pollfd fd{output_fd_.get(), POLLIN, 0};
  if (::poll(&fd, 1, milliseconds_until(deadline)) <= 0) return false;
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(output_fd_.get(), buffer.data(), buffer.size());
  if (got <= 0) return false;
  output_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

bool Background::wait_for(const std::string& text, std::chrono::seconds limit) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const std::size_t found = output_.find(text, seen_);
    if (found != std::string::npos) {
      seen_ = found + text.size();
      return true;
    }
    if (!read_some(deadline)) return false;
  }
}

int Background::wait(std::chrono::seconds limit) {
  const auto deadline = Clock::now() + limit;
  while (read_some(deadline)) {
  }
  pollfd fd{pid_fd_.get(), POLLIN, 0};
  if (::poll(&fd, 1, milliseconds_until(deadline)) <= 0) return -1;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return as_shell_code(status);
}

}  // namespace gantry::e2e
