#include "container_shim/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <sstream>

#include "container_shim/container_files.hpp"
#include "gantry/error.hpp"

// glibc 2.36 forgets to say so in its own header.
extern "C" {
#include <sys/pidfd.h>
}

namespace gantry::container_shim {

namespace {

namespace fs = std::filesystem;

constexpr int kKillTimeoutMs = 10000;

void collect(const fs::path& directory, std::vector<std::int64_t>& out) {
  std::istringstream pids(read_text(directory / "cgroup.procs"));
  for (std::int64_t pid = 0; pids >> pid;) out.push_back(pid);
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone)) {
    std::error_code error;
    if (entry.is_directory(error)) collect(entry.path(), out);
  }
}

void remove_tree(const fs::path& directory) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone)) {
    std::error_code error;
    if (entry.is_directory(error)) remove_tree(entry.path());
  }
  ::rmdir(directory.c_str());
}

/// v1 has no way to kill a cgroup as a whole: what forks meanwhile is found the next time round.
void kill_processes(const std::string& directory) {
  for (const std::int64_t pid : cgroup_processes(directory)) {
    if (pid <= 1) continue;
    const UniqueFd process(::pidfd_open(static_cast<pid_t>(pid), 0));
    if (!process) continue;
    ::pidfd_send_signal(process.get(), SIGKILL, nullptr, 0);
    wait_for_end(process.get(), kKillTimeoutMs);
  }
}

void wait_until_empty(const std::string& directory) {
  const UniqueFd events(::open((directory + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  while (events) {
    char text[256] = {};
    if (::pread(events.get(), text, sizeof text - 1, 0) <= 0 || std::strstr(text, "populated 0") != nullptr) return;
    pollfd poll{events.get(), POLLPRI, 0};
    if (::poll(&poll, 1, kKillTimeoutMs) <= 0) return;
  }
}

/// The kernel lets go of a cgroup a moment after its last process has ended, and tells nobody (v1).
bool remove_directory(const std::string& directory) {
  for (int attempt = 0; attempt < 500; ++attempt) {
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return true;
    if (errno != EBUSY && errno != ENOTEMPTY) return false;
    remove_tree(directory);
    kill_processes(directory);
    if (attempt == 0) continue;
    const timespec pause{0, 1000000};
    ::nanosleep(&pause, nullptr);
  }
  return false;
}

}  // namespace

std::uint64_t start_time_of(pid_t pid) {
  const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
  // The command's name may hold spaces and parentheses.
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t start = 0;
  fields >> start;
  return start;
}

UniqueFd open_process(pid_t pid, std::uint64_t start_time) {
  UniqueFd process(::pidfd_open(pid, 0));
  // Read while the descriptor holds the process: it is the one that we mean, or it is not.
  if (process && (start_time_of(pid) != start_time || wait_for_end(process.get(), 0))) process.reset();
  return process;
}

bool wait_for_end(int pidfd, int timeout_ms) {
  pollfd poll{pidfd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&poll, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

std::vector<std::int64_t> cgroup_processes(const std::string& directory) {
  std::vector<std::int64_t> pids;
  collect(directory, pids);
  return pids;
}

void destroy_cgroup(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    write_file(directory + "/freezer.state", "THAWED");
    if (write_file(directory + "/cgroup.kill", "1")) wait_until_empty(directory);
  }
  for (const std::string& directory : directories) {
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) continue;
    if (!remove_directory(directory)) throw Error{Errc::io, "rmdir " + directory + ": " + std::strerror(errno)};
  }
}

}  // namespace gantry::container_shim
