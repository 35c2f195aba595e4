#include <seccomp.h>

#include <cerrno>
#include <sstream>

#include "container_shim/seccomp_profile.hpp"

namespace gantry::container_shim {

namespace {

/// A rule of the table: allowed, unless it says an errno.
struct DefaultRule {
  const char* names;
  int errno_value = 0;
  SeccompArgument argument = {};
  bool has_argument = false;
  const char* include_capability = "";
  const char* exclude_capability = "";
  const char* include_architectures = "";
  const char* exclude_architectures = "";
  const char* minimal_kernel = "";
};

/// Docker's default profile (profiles/seccomp of the moby project).
// clang-format off
constexpr DefaultRule kRules[] = {
    {.names = "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 "
              "clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
              "clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 "
              "dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
              "epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 "
              "fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat "
              "fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 "
              "fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 "
              "futex_wait futex_waitv futex_wake futimesat getcpu getcwd getdents getdents64 getegid getegid32 "
              "geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp "
              "getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit "
              "get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid gettimeofday getuid "
              "getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
              "io_cancel ioctl io_destroy io_getevents io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set "
              "io_setup io_submit ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self "
              "lchown lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr _llseek "
              "lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create "
              "memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect "
              "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
              "mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall "
              "munmap name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause pidfd_open "
              "pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl "
              "pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev "
              "pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg "
              "remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe "
              "rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
              "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr "
              "sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler "
              "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
              "sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 "
              "send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid setfsgid32 setfsuid setfsuid32 setgid "
              "setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid "
              "setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid setsockopt "
              "set_thread_area set_tid_address setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget "
              "shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat "
              "stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee "
              "tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
              "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 "
              "times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat "
              "utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev"},
    {.names = "process_vm_readv process_vm_writev ptrace",
     .minimal_kernel = "4.8"},
    {.names = "socket",
     .argument = {0, SCMP_CMP_LT, 38, 0},
     .has_argument = true},
    {.names = "socket",
     .argument = {0, SCMP_CMP_EQ, 39, 0},
     .has_argument = true},
    {.names = "socket",
     .argument = {0, SCMP_CMP_GT, 40, 0},
     .has_argument = true},
    {.names = "personality",
     .argument = {0, SCMP_CMP_EQ, 0, 0},
     .has_argument = true},
    {.names = "personality",
     .argument = {0, SCMP_CMP_EQ, 8, 0},
     .has_argument = true},
    {.names = "personality",
     .argument = {0, SCMP_CMP_EQ, 0x20000, 0},
     .has_argument = true},
    {.names = "personality",
     .argument = {0, SCMP_CMP_EQ, 0x20008, 0},
     .has_argument = true},
    {.names = "personality",
     .argument = {0, SCMP_CMP_EQ, 0xffffffff, 0},
     .has_argument = true},
    {.names = "sync_file_range2 swapcontext",
     .include_architectures = "ppc64le"},
    {.names = "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
     .include_architectures = "arm arm64"},
    {.names = "arch_prctl",
     .include_architectures = "amd64 x32"},
    {.names = "modify_ldt",
     .include_architectures = "amd64 x32 x86"},
    {.names = "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
     .include_architectures = "s390 s390x"},
    {.names = "riscv_flush_icache",
     .include_architectures = "riscv64"},
    {.names = "open_by_handle_at",
     .include_capability = "CAP_DAC_READ_SEARCH"},
    {.names = "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
              "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open "
              "quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
     .include_capability = "CAP_SYS_ADMIN"},
    {.names = "clone",
     .argument = {0, SCMP_CMP_MASKED_EQ, 0x7e020000, 0},
     .has_argument = true,
     .exclude_capability = "CAP_SYS_ADMIN",
     .exclude_architectures = "s390 s390x"},
    {.names = "clone",
     .argument = {1, SCMP_CMP_MASKED_EQ, 0x7e020000, 0},
     .has_argument = true,
     .exclude_capability = "CAP_SYS_ADMIN",
     .include_architectures = "s390 s390x"},
    {.names = "clone3",
     .errno_value = ENOSYS,
     .exclude_capability = "CAP_SYS_ADMIN"},
    {.names = "reboot",
     .include_capability = "CAP_SYS_BOOT"},
    {.names = "chroot",
     .include_capability = "CAP_SYS_CHROOT"},
    {.names = "delete_module init_module finit_module",
     .include_capability = "CAP_SYS_MODULE"},
    {.names = "acct",
     .include_capability = "CAP_SYS_PACCT"},
    {.names = "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
     .include_capability = "CAP_SYS_PTRACE"},
    {.names = "iopl ioperm",
     .include_capability = "CAP_SYS_RAWIO"},
    {.names = "settimeofday stime clock_settime clock_settime64",
     .include_capability = "CAP_SYS_TIME"},
    {.names = "vhangup",
     .include_capability = "CAP_SYS_TTY_CONFIG"},
    {.names = "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
     .include_capability = "CAP_SYS_NICE"},
    {.names = "syslog",
     .include_capability = "CAP_SYSLOG"},
    {.names = "bpf",
     .include_capability = "CAP_BPF"},
    {.names = "perf_event_open",
     .include_capability = "CAP_PERFMON"},
};
// clang-format on

std::vector<std::string> words(const char* text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

std::vector<std::uint32_t> companion_architectures() {
  switch (::seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
      return {SCMP_ARCH_X86, SCMP_ARCH_X32};
    case SCMP_ARCH_AARCH64:
      return {SCMP_ARCH_ARM};
    case SCMP_ARCH_S390X:
      return {SCMP_ARCH_S390};
    default:
      return {};
  }
}

}  // namespace

SeccompProfile default_seccomp_profile() {
  SeccompProfile profile;
  profile.default_action = SCMP_ACT_ERRNO(EPERM);
  profile.architectures = companion_architectures();
  for (const DefaultRule& row : kRules) {
    SeccompRule rule;
    rule.names = words(row.names);
    rule.action = row.errno_value == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(static_cast<std::uint32_t>(row.errno_value));
    if (row.has_argument) rule.arguments.push_back(row.argument);
    rule.include_capabilities = words(row.include_capability);
    rule.exclude_capabilities = words(row.exclude_capability);
    rule.include_architectures = words(row.include_architectures);
    rule.exclude_architectures = words(row.exclude_architectures);
    rule.minimal_kernel = row.minimal_kernel;
    profile.rules.push_back(std::move(rule));
  }
  return profile;
}

}  // namespace gantry::container_shim
