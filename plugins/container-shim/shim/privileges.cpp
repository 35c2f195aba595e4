#include "shim/privileges.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

struct CapabilitySets {
  std::uint64_t effective{};
  std::uint64_t permitted{};
  std::uint64_t inheritable{};
};

constexpr std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

CapabilitySets own_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ::syscall(SYS_capget, &header, data);
  return {data[0].effective | std::uint64_t{data[1].effective} << 32U,
          data[0].permitted | std::uint64_t{data[1].permitted} << 32U,
          data[0].inheritable | std::uint64_t{data[1].inheritable} << 32U};
}

bool set_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (unsigned half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(sets.effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * half));
    data[half].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * half));
  }
  return ::syscall(SYS_capset, &header, data) == 0;
}

void drop_bounding_set(std::uint64_t keep, const ReportLine& line) {
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((keep & bit(capability)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno == EINVAL) return;
      line.fail_errno("drop capabilities");
    }
  }
}

/// A Dockerfile's USER can open /dev/stdout again only if the pipe is its own. Where the kernel does not let it be
/// given (another user namespace's terminal), the program runs all the same.
void give_stdio(const Identity& identity) {
  for (int fd = 0; fd < 3; ++fd) {
    struct stat facts {};
    const bool shared = ::fstat(fd, &facts) < 0 || (S_ISCHR(facts.st_mode) && ::isatty(fd) == 0);
    if (shared || facts.st_uid == identity.uid) continue;
    [[maybe_unused]] const int refused = ::fchown(fd, identity.uid, static_cast<gid_t>(-1));
  }
}

void load_seccomp(const std::string& program, const ReportLine& line) {
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.size() / sizeof(sock_filter));
  filter.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()));
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0) line.fail_errno("load the seccomp filter");
}

void raise_ambient(std::uint64_t ambient, const ReportLine& line) {
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((ambient & bit(capability)) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
      line.fail_errno("raise ambient capabilities");
  }
}

void write_label(const char* problem, const char* file, const std::string& label, const ReportLine& line) {
  const int error = write_whole_file(file, label);
  if (error != 0) line.fail_errno(std::string(problem) + "write " + file, error);
}

bool is_confined(const PlanProcess& process) {
  return !process.apparmor_profile.empty() && process.apparmor_profile != "unconfined" &&
         ::access("/sys/kernel/security/apparmor", F_OK) == 0;
}

}  // namespace

UniqueFd open_apparmor_label(const PlanProcess& process, const ReportLine& line) {
  if (!is_confined(process)) return {};
  UniqueFd label(::open("/proc/self/attr/apparmor/current", O_WRONLY | O_CLOEXEC));
  if (!label) line.fail_errno("open /proc/self/attr/apparmor/current");
  return label;
}

std::string limit_process(pid_t pid, const PlanProcess& process) {
  for (const PlanRlimit& limit : process.rlimits) {
    rlimit value{};
    value.rlim_cur = limit.soft;
    value.rlim_max = limit.hard;
    if (::prlimit(pid, static_cast<__rlimit_resource>(limit.resource), &value, nullptr) < 0) {
      return "error setting rlimit type " + number(limit.resource) + ": " + error_text(errno);
    }
  }
  if (process.oom_score_adj) {
    const std::string file = "/proc/" + (pid == 0 ? std::string("self") : number(pid)) + "/oom_score_adj";
    const int error = write_whole_file(file.c_str(), number(*process.oom_score_adj));
    if (error != 0) {
      errno = error;
      return "write " + file + ": " + error_text(error);
    }
  }
  return {};
}

void apply_limits(const PlanProcess& process, const ReportLine& line) {
  if (const std::string failure = limit_process(0, process); !failure.empty()) line.fail(error_code(errno), failure);
}

void apply_labels(const PlanProcess& process, const ReportLine& line) {
  if (is_confined(process)) {
    write_label("unable to apply apparmor profile: apparmor failed to apply profile: ", "/proc/self/attr/apparmor/exec",
                "exec " + process.apparmor_profile, line);
  }
  if (!process.selinux_label.empty() && ::access("/sys/fs/selinux/enforce", F_OK) == 0) {
    write_label("", "/proc/self/attr/exec", process.selinux_label, line);
  }
}

void become_user(const PlanProcess& process, const Identity& identity, const ReportLine& line) {
  give_stdio(identity);
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) line.fail_errno("keep capabilities");
  drop_bounding_set(process.capabilities, line);
  if (::setgroups(identity.groups.size(), identity.groups.data()) < 0) line.fail_errno("setgroups");
  if (::setresgid(identity.gid, identity.gid, identity.gid) < 0) line.fail_errno("setgid");
  if (::setresuid(identity.uid, identity.uid, identity.uid) < 0) line.fail_errno("setuid");
  // A change of user makes it what fs.suid_dumpable says, which may be 1.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) line.fail_errno("make the process undumpable");
  // Between here and the filter there is only chdir, the look-up and the wait, all with the final rights but for
  // CAP_SYS_ADMIN: the filter cannot be loaded without it unless no_new_privs is set.
  const CapabilitySets own = own_capabilities();
  const std::uint64_t final_set =
      identity.uid == 0 ? process.capabilities & own.permitted : process.ambient & own.permitted;
  CapabilitySets sets{final_set, final_set | (own.permitted & bit(CAP_SYS_ADMIN)), 0};
  if (!set_capabilities(sets)) line.fail_errno("set capabilities");
}

void restrict_finally(const PlanProcess& process, const Identity& identity, const std::string& seccomp,
                      const ReportLine& line) {
  const CapabilitySets own = own_capabilities();
  const std::uint64_t ambient = process.ambient & process.capabilities & own.permitted;
  const std::uint64_t permitted = (identity.uid == 0 ? process.capabilities : ambient) & own.permitted;
  const CapabilitySets final_sets{permitted, permitted, ambient};
  if (process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) line.fail_errno("set no_new_privs");
  if (process.no_new_privileges || seccomp.empty()) {
    if (!set_capabilities(final_sets)) line.fail_errno("set capabilities");
    raise_ambient(ambient, line);
    if (!seccomp.empty()) load_seccomp(seccomp, line);
    return;
  }
  // Ambient capabilities come with the inheritable set, so it is set before the filter could forbid prctl.
  CapabilitySets loading{own.permitted, own.permitted, ambient};
  if (!set_capabilities(loading)) line.fail_errno("set capabilities");
  raise_ambient(ambient, line);
  load_seccomp(seccomp, line);
  if (!set_capabilities(final_sets)) line.fail_errno("set capabilities");
}

}  // namespace gantry::container_shim
