#include "shim/id_maps.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

/// A process that holds a new user namespace as long as it lives.
class NamespaceHolder {
 public:
  NamespaceHolder() : parent_(::getpid()), pid_(clone_process(CLONE_NEWUSER, pidfd_)), error_(errno) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (::getppid() == parent_) ::pause();
    ::_exit(0);
  }
  ~NamespaceHolder() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  NamespaceHolder(const NamespaceHolder&) = delete;
  NamespaceHolder& operator=(const NamespaceHolder&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int error() const { return error_; }

 private:
  pid_t parent_;
  UniqueFd pidfd_;
  pid_t pid_;
  int error_;
};

UniqueFd open_namespace(const std::string& path, const ReportLine& line) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) line.fail_errno("open namespace " + path);
  return fd;
}

}  // namespace

const char* user_namespace_advice(int error) {
  if (error == EPERM) {
    return ": the kernel makes no user namespace for a process in a chroot, or a security policy forbids it: run the "
           "container with --userns=host";
  }
  if (error != ENOSPC && error != EUSERS) return nullptr;
  return ": the kernel makes no more user namespaces: see /proc/sys/user/max_user_namespaces, or run the container "
         "with --userns=host";
}

int write_id_maps(const Plan& plan, pid_t pid, std::string& file) {
  for (const auto& [name, map] : {std::pair("/uid_map", &plan.uid_map), std::pair("/gid_map", &plan.gid_map)}) {
    file = "/proc/" + number(pid) + name;
    if (const int error = write_whole_file(file.c_str(), *map); error != 0) return error;
  }
  return 0;
}

UniqueFd user_namespace_with_maps(const Plan& plan, const ReportLine& line) {
  for (const PlanNamespace& space : plan.joined_namespaces) {
    if (space.flag == CLONE_NEWUSER) return open_namespace(space.path, line);
  }
  const NamespaceHolder holder;
  if (holder.pid() < 0) {
    const std::string what = "make a user namespace: " + error_text(holder.error());
    if (const char* advice = user_namespace_advice(holder.error())) line.fail(Errc::unsupported, what + advice);
    line.fail(error_code(holder.error()), what);
  }
  std::string file;
  if (const int error = write_id_maps(plan, holder.pid(), file); error != 0) line.fail_errno("write " + file, error);
  return open_namespace("/proc/" + number(holder.pid()) + "/ns/user", line);
}

}  // namespace gantry::container_shim
