#include "runtime_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "container_shim/processes.hpp"
#include "container_shim/protocol.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

// glibc 2.36 forgets to say so in its own header.
extern "C" {
#include <sys/pidfd.h>
}

namespace gantry::oci {

namespace {

constexpr std::uint32_t kDeleteLimit = 10;  // seconds
constexpr const char* kUsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Silent and with default signals; reaped when it goes out of scope.
class RuntimeProcess {
 public:
  RuntimeProcess(const std::string& program, const std::vector<std::string>& words, std::uint32_t limit)
      : limit_(limit) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd < 3; ++fd) ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::string path = std::string("PATH=") + kUsualPath;
    char* const environment[] = {path.data(), nullptr};
    error_ = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes, arguments.data(), environment);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error_ == 0) process_.reset(::pidfd_open(pid_, 0));
  }
  ~RuntimeProcess() { end(); }
  RuntimeProcess(const RuntimeProcess&) = delete;
  RuntimeProcess& operator=(const RuntimeProcess&) = delete;

  [[nodiscard]] int error() const { return error_; }

  /// Its status, once it has ended or its time is over.
  int end() {
    if (error_ != 0 || pid_ == 0) return status_;
    if (!container_shim::wait_for_end(process_.get(), static_cast<int>(limit_) * 1000)) ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status_;
  }

 private:
  std::uint32_t limit_;
  pid_t pid_ = 0;
  UniqueFd process_;
  int error_ = 0;
  int status_ = -1;
};

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

}  // namespace

std::string find_runtime(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_program(name) ? name : std::string();
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : kUsualPath);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + name;
    if (folder.starts_with('/') && is_program(candidate)) return candidate;
  }
  return {};
}

std::string missing_runtime(const std::string& name) {
  const bool path = name.find('/') != std::string::npos;
  return "the OCI runtime \"" + name +
         "\" is not there: " + (path ? "no such program" : "executable file not found in $PATH") +
         "; install it, or correct \"path\" of the runtime in daemon.json";
}

void delete_container(const RuntimeView& view, const std::vector<std::string>& command, const std::string& id) {
  std::vector<std::string> words{container_shim::kOciViewName};
  words.insert(words.end(), view.hidden.begin(), view.hidden.end());
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  words.insert(words.end(), {"delete", "--force", id});
  const bool is_short = view.time_limit != 0 && view.time_limit < kDeleteLimit;
  RuntimeProcess process(view.program, words, is_short ? view.time_limit : kDeleteLimit);
  if (process.error() != 0) throw Error{Errc::io, view.program + ": " + std::strerror(process.error())};
  const int status = process.end();
  if (status != 0) {
    throw Error{Errc::io, command.front() + " delete --force " + id + " failed with status " + std::to_string(status)};
  }
}

}  // namespace gantry::oci
