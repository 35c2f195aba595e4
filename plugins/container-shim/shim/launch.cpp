#include "shim/launch.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "shim/init.hpp"
#include "shim/privileges.hpp"
#include "shim/program.hpp"
#include "shim/reaper.hpp"

namespace gantry::container_shim {

namespace {

[[noreturn]] void fail_cwd(const std::string& cwd, int error, const ReportLine& line) {
  line.fail_errno("chdir to cwd (\"" + cwd + "\") set in config.json failed", error);
}

/// Every descriptor of the host's is closed by now but for the report line (a socket), so no /proc/self/fd/N can lead
/// out (CVE-2024-21626); the check holds even if that were untrue. The system call itself: glibc's function looks for a
/// path of its own where the kernel has none, and needs rights on the way that the user may lack.
void check_cwd_is_inside(const ReportLine& line) {
  char buffer[PATH_MAX];
  if (::syscall(SYS_getcwd, buffer, sizeof buffer) < 0 || buffer[0] != '/') {
    line.fail(Errc::invalid,
              "current working directory is outside of container mount namespace root -- possible container breakout "
              "detected");
  }
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

void reset_signals() {
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, SIG_DFL);
  // posix_spawn leaves those that are glibc's own ignored, and its sigaction refuses to speak of them.
  constexpr unsigned long kDefaultAction[4] = {};
  for (const int internal : {32, 33}) ::syscall(SYS_rt_sigaction, internal, kDefaultAction, nullptr, 8);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void launch(const PlanProcess& process, const std::string& seccomp, InitKind init, bool waits, UniqueFd label,
            const ReportLine& line) {
  const int program_fd = init == InitKind::program ? kProgramFd : -1;
  const int label_fd = label ? kLabelFd : -1;
  if (label && label.get() != kLabelFd && ::dup3(label.get(), kLabelFd, O_CLOEXEC) < 0) {
    line.fail_errno("keep the AppArmor label");
  }
  ::close_range(program_fd < 0 && label_fd < 0 ? kReportFd + 1 : kReportFd + 2, ~0U, 0);
  Identity identity;
  const std::string user_error = resolve_user(process.user, process.groups, read_account_file("/etc/passwd"),
                                              read_account_file("/etc/group"), identity);
  if (!user_error.empty()) line.fail(Errc::invalid, user_error);
  std::vector<std::string> env = process.env;
  if (environment_value(env, "HOME") == nullptr) env.push_back("HOME=" + identity.home);

  // As runc: with root's rights where they suffice, so that a directory may be one that only root may enter; as the
  // user where only those do (a network share).
  const bool entered = ::chdir(process.cwd.c_str()) == 0;
  if (!entered && errno != EACCES && errno != EPERM) fail_cwd(process.cwd, errno, line);
  become_user(process, identity, line);
  if (!entered && ::chdir(process.cwd.c_str()) < 0) fail_cwd(process.cwd, errno, line);
  check_cwd_is_inside(line);
  ::umask(0022);

  const Program program = find_program(process.args.front(), env);
  if (!program.error.empty()) line.fail(program.code, program.error);
  std::vector<std::string> args = process.args;
  if (init == InitKind::program) args.insert(args.begin(), {"/sbin/docker-init", "--"});
  const auto argv = pointers(args);
  const auto envp = pointers(env);

  if (waits) line.wait(Signal::start);
  restrict_finally(process, identity, seccomp, line);
  if (init == InitKind::builtin) fork_behind_reaper(label_fd, process.apparmor_profile, line);
  reset_signals();
  if (program_fd >= 0) {
    ::fexecve(program_fd, argv.data(), envp.data());
  } else {
    ::execve(program.path.c_str(), argv.data(), envp.data());
  }
  const int error = errno;
  line.fail(error == EACCES ? Errc::denied : Errc::invalid, "exec " + program.path + ": " + error_text(error));
}

}  // namespace gantry::container_shim
