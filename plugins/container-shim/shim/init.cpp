#include "shim/init.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "shim/cgroup.hpp"
#include "shim/console.hpp"
#include "shim/launch.hpp"
#include "shim/mounts.hpp"
#include "shim/privileges.hpp"
#include "shim/report.hpp"
#include "shim/system.hpp"
#include "shim/title.hpp"

namespace gantry::container_shim {

namespace {

void join_namespace(const PlanNamespace& space, const UniqueFd& fd, const ReportLine& line) {
  if (::setns(fd.get(), static_cast<int>(space.flag)) < 0) line.fail_errno("join namespace " + space.path);
}

std::vector<UniqueFd> open_joined_namespaces(const Plan& plan, const ReportLine& line) {
  std::vector<UniqueFd> opened;
  for (const PlanNamespace& space : plan.joined_namespaces) {
    opened.emplace_back(::open(space.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened.back()) line.fail_errno("open namespace " + space.path);
  }
  return opened;
}

/// Where a user namespace is joined, that and the PID namespace come first: see join_user_namespace.
void join_namespaces(const Plan& plan, const std::vector<UniqueFd>& opened, const ReportLine& line) {
  for (std::size_t i = 0; i < opened.size(); ++i) {
    const PlanNamespace& space = plan.joined_namespaces[i];
    // The shim has joined the PID namespace: it holds for children only.
    if (space.flag != CLONE_NEWPID && space.flag != CLONE_NEWUSER) join_namespace(space, opened[i], line);
  }
}

void bring_loopback_up(const ReportLine& line) {
  const UniqueFd sock(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  if (!sock || ::ioctl(sock.get(), SIOCSIFFLAGS, &request) < 0) line.fail_errno("bring the loopback interface up");
}

void become_root_of_user_namespace(const ReportLine& line) {
  if (::setresgid(0, 0, 0) < 0 || ::setresuid(0, 0, 0) < 0) line.fail_errno("become root of the user namespace");
  // A change of user makes it what fs.suid_dumpable says.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) line.fail_errno("make the process undumpable");
}

/// The new namespaces must belong to the user namespace, so who makes them is in it already: the caller's child goes
/// on, as a child of the shim's.
void join_user_namespace(const Plan& plan, const std::vector<UniqueFd>& opened, const ReportLine& line) {
  for (const std::uint64_t kind : {std::uint64_t{CLONE_NEWPID}, std::uint64_t{CLONE_NEWUSER}}) {
    for (std::size_t i = 0; i < opened.size(); ++i) {
      if (plan.joined_namespaces[i].flag == kind) join_namespace(plan.joined_namespaces[i], opened[i], line);
    }
  }
  UniqueFd pidfd;
  const std::uint64_t spaces = plan.new_namespaces & ~std::uint64_t{CLONE_NEWCGROUP};
  const pid_t child = clone_process(CLONE_PARENT | spaces, pidfd);
  if (child < 0) line.fail_errno("clone the container's init");
  if (child == 0) return;
  line.send_child(child, pidfd.get());
  ::_exit(0);
}

/// As in dockerd's containers, where the init is a program of its own.
void show_as_init(const PlanProcess& process) {
  std::vector<std::string> arguments{"--"};
  arguments.insert(arguments.end(), process.args.begin(), process.args.end());
  show_as("/sbin/docker-init", arguments);
}

void set_names(const Plan& plan, const ReportLine& line) {
  if ((plan.new_namespaces & CLONE_NEWUTS) == 0) return;
  if (!plan.hostname.empty() && ::sethostname(plan.hostname.data(), plan.hostname.size()) < 0) {
    line.fail_errno("sethostname");
  }
  if (!plan.domainname.empty() && ::setdomainname(plan.domainname.data(), plan.domainname.size()) < 0) {
    line.fail_errno("setdomainname");
  }
}

/// Through the host's /proc, which no image can have replaced (CVE-2025-52881).
class Sysctls {
 public:
  Sysctls(const Plan& plan, const ReportLine& line) : plan_(plan), line_(line) {}

  /// Those that are there by now. An interface's come with the interface.
  void write() {
    for (const PlanWrite& write : plan_.sysctls) {
      const bool of_network = write.file.starts_with("net/");
      if (!of_network && is_remapped(plan_)) continue;  // by the groundwork
      const std::string file = "/proc/sys/" + write.file;
      const int error = write_whole_file(file.c_str(), write.value);
      if (error == ENOENT && of_network)
        late_.push_back(&write);
      else if (error != 0 && !write.optional)
        line_.fail_errno((is_of_open(error) ? "open " : "write ") + file, error);
    }
    if (!late_.empty()) directory_.reset(::open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  [[nodiscard]] bool has_late() const { return !late_.empty(); }

  /// The others, once the network is there.
  void write_late() const {
    for (const PlanWrite* write : late_) {
      const UniqueFd file(::openat(directory_.get(), write->file.c_str(), O_WRONLY | O_CLOEXEC));
      const bool done = file && ::write(file.get(), write->value.data(), write->value.size()) >= 0;
      if (!done && !write->optional) line_.fail_errno((file ? "write /proc/sys/" : "open /proc/sys/") + write->file);
    }
  }

 private:
  static bool is_of_open(int error) { return error == ENOENT || error == EACCES || error == EROFS; }

  const Plan& plan_;
  const ReportLine& line_;
  std::vector<const PlanWrite*> late_;
  UniqueFd directory_;
};

/// Keys of the host's session stay outside. A kernel without keyrings has none to hide.
void new_session_keyring() { ::syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, nullptr, 0, 0, 0); }

/// Waits once for the cgroup, then makes it the root of a namespace if one is wanted.
class CgroupGate {
 public:
  CgroupGate(const Plan& plan, const ReportLine& line) : plan_(plan), line_(line) {}

  void pass() {
    if (passed_) return;
    passed_ = true;
    const CgroupDoors doors{line_.wait(Signal::cgroup_ready)};
    if (const int error = doors.enter(); error != 0) line_.fail_errno("join the container's cgroups", error);
    if ((plan_.new_namespaces & CLONE_NEWCGROUP) != 0 && ::unshare(CLONE_NEWCGROUP) < 0) {
      line_.fail_errno("make a cgroup namespace");
    }
  }

 private:
  const Plan& plan_;
  const ReportLine& line_;
  bool passed_ = false;
};

void build_filesystem(const Plan& plan, CgroupGate& gate, const ReportLine& line, UniqueFd& terminal) {
  Rootfs rootfs(plan, line);
  rootfs.mount_root();
  rootfs.mount_all([&] { gate.pass(); });
  rootfs.make_devices();
  if (plan.process.terminal) {
    terminal = open_terminal(rootfs.root(), plan.process, line);
    rootfs.bind_console(terminal.get());
  }
  rootfs.protect_paths();
  rootfs.pivot();
}

void join_cgroups(const Plan& container, const ReportLine& line) {
  CgroupDoors doors;  // Of v1: into v2 clone3 has put the process.
  if (const std::string error = doors.open(container.cgroups); !error.empty()) line.fail(Errc::io, error);
  if (const int error = doors.enter(); error != 0) line.fail_errno("join the container's cgroups", error);
}

[[noreturn]] void fail_not_running(const Plan& container, const ReportLine& line) {
  line.fail(Errc::conflict, "container " + container.id + " is not running");
}

/// Which those were.
std::uint64_t join_all_namespaces(const Plan& container, const ReportLine& line) {
  std::uint64_t spaces = container.new_namespaces;
  for (const PlanNamespace& space : container.joined_namespaces) spaces |= space.flag;
  if (spaces != 0 && ::setns(kTargetFd, static_cast<int>(spaces)) < 0) {
    if (errno == ESRCH) fail_not_running(container, line);
    line.fail_errno("join the container's namespaces");
  }
  ::close(kTargetFd);
  return spaces;
}

/// The PID namespace is for children only, and they come last: what the container sees of an exec, in its /proc, has
/// the container's root, working directory and namespaces from its first moment, and nothing of the host's. A container
/// with CAP_SYS_PTRACE could look into it otherwise, whether dumpable or not.
void go_on_as_child(const Plan& container, const ReportLine& line) {
  UniqueFd pidfd;
  const pid_t child = clone_process(CLONE_PARENT, pidfd);
  if (child < 0 && (errno == ENOMEM || errno == ESRCH)) fail_not_running(container, line);
  if (child < 0) line.fail_errno("clone a process");
  if (child == 0) return;
  line.send_child(child, pidfd.get());
  ::_exit(0);
}

}  // namespace

void run_init(const Plan& plan) {
  const ReportLine line(kReportFd);
  // By the host's root: a process may hide its namespaces from the root of its user namespace.
  std::vector<UniqueFd> joined = open_joined_namespaces(plan, line);
  if (joins(plan, CLONE_NEWUSER)) join_user_namespace(plan, joined, line);
  ::setsid();
  ::umask(0);
  if (is_remapped(plan)) {
    line.wait(Signal::maps_written);
    become_root_of_user_namespace(line);
  }
  new_session_keyring();
  if (plan.init == InitKind::builtin) show_as_init(plan.process);  // while /proc is the host's
  join_namespaces(plan, joined, line);
  joined.clear();
  if ((plan.new_namespaces & CLONE_NEWNET) != 0) bring_loopback_up(line);
  set_names(plan, line);
  Sysctls sysctls(plan, line);
  sysctls.write();
  if (!is_remapped(plan)) apply_limits(plan.process, line);
  apply_labels(plan.process, line);
  UniqueFd label;
  if (plan.init == InitKind::builtin) label = open_apparmor_label(plan.process, line);
  CgroupGate gate(plan, line);
  UniqueFd terminal;
  if ((plan.new_namespaces & CLONE_NEWNS) != 0) build_filesystem(plan, gate, line, terminal);
  gate.pass();
  if (terminal) take_terminal(std::move(terminal), line);
  if (sysctls.has_late()) {
    line.wait(Signal::start);
    sysctls.write_late();
  }
  launch(plan.process, plan.seccomp, plan.init, !sysctls.has_late(), std::move(label), line);
}

void run_exec(const Plan& container, const PlanProcess& process) {
  const ReportLine line(kReportFd);
  ::umask(0);
  join_cgroups(container, line);
  new_session_keyring();
  apply_limits(process, line);
  apply_labels(process, line);
  const std::uint64_t spaces = join_all_namespaces(container, line);
  go_on_as_child(container, line);
  ::setsid();
  if ((spaces & CLONE_NEWUSER) != 0) become_root_of_user_namespace(line);
  if (process.terminal) take_terminal(open_terminal(AT_FDCWD, process, line), line);
  launch(process, container.seccomp, InitKind::none, true, {}, line);
}

}  // namespace gantry::container_shim
