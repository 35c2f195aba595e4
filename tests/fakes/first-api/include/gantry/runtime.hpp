#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gantry/driver.hpp"
#include "gantry/mount.hpp"
#include "gantry/unique_fd.hpp"

/// Runtime drivers turn a specification into processes.
///
/// Life: create -> start -> (exec, signal, pause, resume, update, stats, processes)* -> [exit] -> remove.
/// Containers outlive the daemon: after its restart it calls `adopt` for each that it has on record.
///
/// Between `create` and `start` the daemon attaches the container's network and its clients' streams, so `create`
/// returns as soon as the namespaces exist; whatever else has to be prepared may go on, and fails in `start`.
///
/// Capabilities that the daemon looks for:
///   "exec", "pause", "update", "stats", "user-namespace", "checkpoint".
namespace gantry::runtime::v1 {

/// setrlimit(2); `type` as in the OCI runtime spec: "RLIMIT_NOFILE". Frozen.
struct Rlimit {
  std::string type;
  std::uint64_t soft{};
  std::uint64_t hard{};
};

/// A device node to make in the container (OCI runtime spec, config-linux.md "Devices"). Frozen.
struct Device {
  std::string path;         ///< Inside the container.
  char type{'c'};           ///< 'c' or 'b'.
  std::int64_t major{};
  std::int64_t minor{};
  std::uint32_t mode{0666};
  std::uint32_t uid{};
  std::uint32_t gid{};
};

/// One rule of the devices' allow list; -1 is "any". Frozen.
struct DeviceRule {
  bool allow{};
  char type{'a'};           ///< 'a', 'b' or 'c'.
  std::int64_t major{-1};
  std::int64_t minor{-1};
  std::string access;       ///< Of "rwm".
};

/// blkio limits of one device: bytes or operations a second, or a weight. Frozen.
struct DeviceRate {
  std::string path;  ///< Of the device on the host.
  std::uint64_t rate{};
};

/// Limits (API: Resources). What is not set is left as it is. May grow at its end.
struct Resources {
  std::optional<std::int64_t> memory;              ///< Bytes; -1: none.
  std::optional<std::int64_t> memory_swap;         ///< Memory and swap together; -1: unlimited swap.
  std::optional<std::int64_t> memory_reservation;
  std::optional<std::int64_t> memory_swappiness;   ///< 0 to 100; v1 only.
  bool oom_kill_disable{};                         ///< v1 only.
  std::optional<std::uint64_t> cpu_shares;         ///< v1's unit, 2 to 262144; translated for v2.
  std::optional<std::int64_t> cpu_quota;           ///< Microseconds in each period.
  std::optional<std::uint64_t> cpu_period;
  std::optional<std::int64_t> cpu_rt_runtime;
  std::optional<std::uint64_t> cpu_rt_period;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::optional<std::int64_t> pids_limit;          ///< -1: none.
  std::optional<std::uint16_t> blkio_weight;       ///< 10 to 1000.
  std::vector<DeviceRate> blkio_weight_device;
  std::vector<DeviceRate> blkio_read_bps;
  std::vector<DeviceRate> blkio_write_bps;
  std::vector<DeviceRate> blkio_read_iops;
  std::vector<DeviceRate> blkio_write_iops;
};

/// What to run, as whom (OCI runtime spec, config.md "Process"). May grow at its end.
struct Process {
  std::vector<std::string> args;
  std::vector<std::string> env;               ///< "NAME=value". HOME is added from the image's passwd file if missing.
  std::string cwd{"/"};
  std::string user;                           ///< As in a Dockerfile: "", "name", "uid", "name:group", "uid:gid": resolved from
                                              ///< the container's own /etc/passwd and /etc/group, without running its code.
  std::vector<std::string> additional_groups; ///< Names or numbers, resolved likewise.
  bool terminal{};
  std::uint16_t rows{};                       ///< Of the terminal; 0: leave.
  std::uint16_t columns{};
  std::vector<std::string> capabilities;      ///< "CAP_CHOWN": bounding, permitted and effective (not for a user other than root).
  std::vector<std::string> ambient_capabilities;
  bool no_new_privileges{};
  std::vector<Rlimit> rlimits;
  std::optional<int> oom_score_adj;
  std::string apparmor_profile;
  std::string selinux_label;
};

/// Where the standard streams go. May grow at its end.
struct Stdio {
  bool open_stdin{};    ///< Else /dev/null.
  bool stdin_once{};    ///< Close stdin when the first attached client closes its side.
  std::string log_path; ///< File for the output, in Docker's json-file format; empty: no log.
  std::uint64_t log_max_size{};  ///< Bytes before the log is rotated; 0: never.
  std::uint32_t log_max_files{1};
};

/// One kernel namespace. Frozen.
struct Namespace {
  std::string kind;  ///< "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time". One that is not named is the host's.
  std::string path;  ///< Empty: a new one; else join this ("/proc/<pid>/ns/net").
};

/// One range of a user namespace's map. Frozen.
struct IdMap {
  std::uint32_t inside{};
  std::uint32_t outside{};
  std::uint32_t count{};
};

/// A container. May grow at its end.
struct Spec {
  std::string id;                          ///< 64 hex digits.
  std::vector<Mount> root;                 ///< From the storage driver: the first is the root.
  bool readonly_root{};
  std::vector<Mount> mounts;               ///< In order. proc, sysfs, /dev, devpts, shm, mqueue and cgroup are among them: the core
                                           ///< decides, the driver adds none. Targets that do not exist are made.
  Process process;
  Stdio stdio;
  std::string hostname;
  std::string domainname;
  std::vector<Namespace> namespaces;
  std::vector<IdMap> uid_map;
  std::vector<IdMap> gid_map;
  std::string cgroup_parent;               ///< Empty: the driver's default ("gantry").
  Resources resources;
  std::vector<Device> devices;
  std::vector<DeviceRule> device_rules;    ///< In order, after "deny all".
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  Options sysctls;
  std::string seccomp;                     ///< "": the built-in profile (Docker's default); "unconfined"; else a profile's JSON text in Docker's format.
  std::string init_path;                   ///< Host path of a static init to run as PID 1 in front of the process; "builtin": the driver's own; empty: none.
};

/// A process that the driver started. May grow at its end.
struct Running {
  std::int64_t pid{};         ///< In the host's PID namespace.
  std::uint64_t start_time{}; ///< Field 22 of /proc/<pid>/stat: a pid alone names nothing.
  /// Becomes readable for ever once the process has ended and `exit_status` will answer. Handed to the caller.
  UniqueFd exit_fd;
};

/// How a process ended. May grow at its end.
struct ExitStatus {
  int code{};                     ///< As a shell has it: 128+n for signal n.
  bool oom_killed{};              ///< Whether the kernel killed a process of the container for want of memory.
  std::int64_t finished_at_ns{};  ///< CLOCK_REALTIME, nanoseconds since the epoch.
};

/// What exec needs beside the process. May grow at its end.
struct ExecSpec {
  std::string exec_id;  ///< 64 hex digits.
  Process process;
  bool attach_stdin{};
  bool attach_stdout{};
  bool attach_stderr{};
  bool privileged{};
};

/// A client's end of a container's or exec's streams. May grow at its end.
struct Streams {
  /// A connected stream socket, handed to the caller. Out of it comes the output from this moment on: raw with a terminal,
  /// else in Docker's multiplexed frames (API operation ContainerAttach: 1 byte stream, 3 bytes 0, 4 bytes big-endian
  /// length); end of file when the process has closed all. What is written goes to stdin; shutdown(SHUT_WR) ends it.
  UniqueFd socket;
};

/// One figure of blkio. Frozen.
struct BlkioEntry {
  std::uint64_t major{};
  std::uint64_t minor{};
  std::string op;  ///< "read", "write", ... as dockerd names it.
  std::uint64_t value{};
};

/// One interface's counters. Frozen.
struct InterfaceStats {
  std::string name;
  std::uint64_t rx_bytes{}, rx_packets{}, rx_errors{}, rx_dropped{};
  std::uint64_t tx_bytes{}, tx_packets{}, tx_errors{}, tx_dropped{};
};

/// The cgroup's figures (API operation ContainerStats). May grow at its end.
struct Stats {
  std::int64_t read_at_ns{};
  int cgroup_version{};  ///< 1 or 2.
  std::uint64_t cpu_total_ns{}, cpu_user_ns{}, cpu_system_ns{};
  std::vector<std::uint64_t> cpu_per_cpu_ns;
  std::uint64_t throttling_periods{}, throttled_periods{}, throttled_ns{};
  std::uint64_t memory_usage{}, memory_max_usage{}, memory_limit{}, memory_failcnt{};
  std::vector<std::pair<std::string, std::uint64_t>> memory_stat;  ///< The kernel's own names.
  std::uint64_t pids_current{}, pids_limit{};
  std::vector<BlkioEntry> io_service_bytes;
  std::vector<BlkioEntry> io_serviced;
  std::vector<InterfaceStats> interfaces;
};

/// Calls block; calls for different containers may come at once; for the same one only exec, attach, signal, resize,
/// stats, processes and exit_status may come beside another call. Errors of all: not_found (container or exec).
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "runtime";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 0;

  /// Makes the container: cgroup, namespaces, and a process in them that waits for `start`. If the daemon dies before
  /// `start`, the container dies. Errors: conflict (exists), invalid, unsupported, io.
  virtual void create(const Spec& spec, Running& out, const Call& call) = 0;

  /// Lets the container's process run; returns once execve(2) has succeeded.
  /// Errors, in dockerd's words: not_found (`exec: "x": executable file not found in $PATH`), denied (not executable),
  /// invalid (no such user, working directory, mount); the container is then gone, as after `remove`.
  virtual void start(const std::string& id, const Call& call) = 0;

  /// Sends a signal to the container's init, or to the exec's process if `exec_id` is not empty.
  virtual void signal(const std::string& id, const std::string& exec_id, int signal, const Call& call) = 0;

  virtual void pause(const std::string& id, const Call& call) = 0;
  virtual void resume(const std::string& id, const Call& call) = 0;
  virtual void update(const std::string& id, const Resources& resources, const Call& call) = 0;
  virtual void stats(const std::string& id, Stats& out, const Call& call) = 0;

  /// The host's pids of all processes in the container.
  virtual void processes(const std::string& id, std::vector<std::int64_t>& out, const Call& call) = 0;

  /// Runs one more process in the container's namespaces and cgroup; returns once execve(2) has succeeded. `streams` has the
  /// exec's streams from their first byte. Errors: as `start`; conflict (not running, paused).
  virtual void exec(const std::string& id, const ExecSpec& spec, Running& out, Streams& streams, const Call& call) = 0;

  /// A client's end of the container's streams. May be called from `create` on, several times.
  virtual void attach(const std::string& id, Streams& out, const Call& call) = 0;

  /// Sets a terminal's size; of the exec if `exec_id` is not empty.
  virtual void resize(const std::string& id, const std::string& exec_id, std::uint16_t rows, std::uint16_t columns,
                      const Call& call) = 0;

  /// How the container (or exec) ended; kept until `remove`, also across the daemon's restart.
  /// Errors: conflict (still runs).
  virtual void exit_status(const std::string& id, const std::string& exec_id, ExitStatus& out, const Call& call) = 0;

  /// Starts a new log file in place of the present one.
  virtual void reopen_log(const std::string& id, const Call& call) = 0;

  /// After the daemon's restart: takes over a container that was started. `exit_fd` is readable at once if it ended
  /// meanwhile. Errors: not_found (never started, or the host was rebooted).
  virtual void adopt(const std::string& id, Running& out, const Call& call) = 0;

  /// Ends every process of the container and frees all that it holds (shim, cgroup). Succeeds if there is nothing.
  virtual void remove(const std::string& id, const Call& call) = 0;

  /// The ids of all containers that the driver holds.
  virtual void list(std::vector<std::string>& out, const Call& call) = 0;
};

}  // namespace gantry::runtime::v1
