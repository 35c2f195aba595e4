#pragma once

#include "gantry/runtime.hpp"
#include "isolated/optional_json.hpp"
#include "isolated/structs.hpp"

/// The runtime interface's structs as messages. Their descriptors travel beside these.
namespace gantry::runtime::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Rlimit, type, soft, hard)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Device, path, type, major, minor, mode, uid, gid)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DeviceRule, allow, type, major, minor, access)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DeviceRate, path, rate)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Resources, memory, memory_swap, memory_reservation, memory_swappiness,
                                   oom_kill_disable, cpu_shares, cpu_quota, cpu_period, cpu_rt_runtime, cpu_rt_period,
                                   cpuset_cpus, cpuset_mems, pids_limit, blkio_weight, blkio_weight_device,
                                   blkio_read_bps, blkio_write_bps, blkio_read_iops, blkio_write_iops)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Process, args, env, cwd, user, additional_groups, terminal, rows, columns,
                                   capabilities, ambient_capabilities, no_new_privileges, rlimits, oom_score_adj,
                                   apparmor_profile, selinux_label)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stdio, open_stdin, stdin_once, log_path, log_max_size, log_max_files)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Namespace, kind, path)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(IdMap, inside, outside, count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Spec, id, root, readonly_root, mounts, process, stdio, hostname, domainname,
                                   namespaces, uid_map, gid_map, cgroup_parent, resources, devices, device_rules,
                                   masked_paths, readonly_paths, sysctls, seccomp, init_path, log_attributes, log)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Running, pid, start_time)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ExitStatus, code, oom_killed, finished_at_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ExecSpec, exec_id, process, attach_stdin, attach_stdout, attach_stderr, privileged)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BlkioEntry, major, minor, op, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InterfaceStats, name, rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes,
                                   tx_packets, tx_errors, tx_dropped)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stats, read_at_ns, cgroup_version, cpu_total_ns, cpu_user_ns, cpu_system_ns,
                                   cpu_per_cpu_ns, throttling_periods, throttled_periods, throttled_ns, memory_usage,
                                   memory_max_usage, memory_limit, memory_failcnt, memory_stat, pids_current,
                                   pids_limit, io_service_bytes, io_serviced, interfaces)

}  // namespace gantry::runtime::v1
