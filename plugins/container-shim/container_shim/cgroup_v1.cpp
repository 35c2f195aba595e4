#include "container_shim/cgroup_v1.hpp"

#include <sstream>

#include "container_shim/container_files.hpp"
#include "container_shim/device_filter.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim::v1 {

namespace {

using runtime::v1::DeviceRate;
using runtime::v1::Resources;
using runtime::v1::Stats;

template <class T>
void put(std::vector<PlanWrite>& out, const char* file, const std::optional<T>& value, bool optional = false) {
  if (value) out.push_back({file, std::to_string(*value), optional});
}

void memory_writes(const Resources& r, std::vector<PlanWrite>& out) {
  put(out, "memory.limit_in_bytes", r.memory);
  put(out, "memory.memsw.limit_in_bytes", r.memory_swap, true);  // a kernel may count no swap
  put(out, "memory.soft_limit_in_bytes", r.memory_reservation);
  put(out, "memory.swappiness", r.memory_swappiness);
  if (r.oom_kill_disable) out.push_back({"memory.oom_control", "1", false});
}

// The kernel would take the nearest value that it knows, without a word.
void check_shares(const Resources& r) {
  if (r.cpu_shares && *r.cpu_shares < 2) throw Error{Errc::invalid, "the minimum allowed cpu-shares is 2"};
  if (r.cpu_shares && *r.cpu_shares > 262144) throw Error{Errc::invalid, "the maximum allowed cpu-shares is 262144"};
}

void cpu_writes(const Resources& r, std::vector<PlanWrite>& out) {
  check_shares(r);
  put(out, "cpu.shares", r.cpu_shares);
  put(out, "cpu.cfs_period_us", r.cpu_period);
  put(out, "cpu.cfs_quota_us", r.cpu_quota);
  put(out, "cpu.rt_period_us", r.cpu_rt_period);
  put(out, "cpu.rt_runtime_us", r.cpu_rt_runtime);
}

void rate_writes(const char* file, const std::vector<DeviceRate>& rates, std::vector<PlanWrite>& out,
                 bool optional = false) {
  for (const DeviceRate& rate : rates)
    out.push_back({file, device_number(rate.path) + " " + std::to_string(rate.rate), optional});
}

void blkio_writes(const Resources& r, std::vector<PlanWrite>& out) {
  // Which of the two a kernel has depends on its I/O scheduler.
  put(out, "blkio.weight", r.blkio_weight, true);
  put(out, "blkio.bfq.weight", r.blkio_weight, true);
  rate_writes("blkio.weight_device", r.blkio_weight_device, out, true);
  rate_writes("blkio.bfq.weight_device", r.blkio_weight_device, out, true);
  rate_writes("blkio.throttle.read_bps_device", r.blkio_read_bps, out);
  rate_writes("blkio.throttle.write_bps_device", r.blkio_write_bps, out);
  rate_writes("blkio.throttle.read_iops_device", r.blkio_read_iops, out);
  rate_writes("blkio.throttle.write_iops_device", r.blkio_write_iops, out);
}

void read_blkio(const std::string& file, std::vector<runtime::v1::BlkioEntry>& out) {
  std::istringstream lines(read_text(file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    runtime::v1::BlkioEntry entry;
    char colon = 0;
    if (words >> entry.major >> colon >> entry.minor >> entry.op >> entry.value) out.push_back(entry);
  }
}

/// What v1 says for "no limit": the largest multiple of the page size.
constexpr std::uint64_t kUnlimited = 0x7ffffffffffff000;

}  // namespace

std::vector<PlanWrite> limit_writes(const Hierarchy& hierarchy, const std::string& parent, const Resources& r) {
  std::vector<PlanWrite> out;
  if (hierarchy.has("memory")) memory_writes(r, out);
  if (hierarchy.has("cpu")) cpu_writes(r, out);
  if (hierarchy.has("blkio")) blkio_writes(r, out);
  if (hierarchy.has("pids") && r.pids_limit) {
    out.push_back({"pids.max", *r.pids_limit > 0 ? std::to_string(*r.pids_limit) : "max", false});
  }
  if (hierarchy.has("cpuset")) {
    const auto set = [&](const char* file, const std::string& wanted) {
      if (!wanted.empty() || !parent.empty()) {
        out.push_back({file, wanted.empty() ? first_line(parent + "/" + file) : wanted, false});
      }
    };
    set("cpuset.cpus", r.cpuset_cpus);
    set("cpuset.mems", r.cpuset_mems);
  }
  return out;
}

void append_device_writes(const std::vector<runtime::v1::DeviceRule>& rules, std::vector<PlanWrite>& out) {
  out.push_back({"devices.deny", "a", false});
  for (const auto& rule : rules) {
    const auto number = [](std::int64_t value) { return value < 0 ? std::string("*") : std::to_string(value); };
    const bool all = rule.type == 'a' && rule.major < 0 && rule.minor < 0;
    const std::string text =
        all ? "a" : std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " " + rule.access;
    out.push_back({rule.allow ? "devices.allow" : "devices.deny", text, false});
  }
}

void read_stats(const Hierarchy& hierarchy, const std::string& directory, Stats& out) {
  if (hierarchy.has("cpuacct")) {
    constexpr std::uint64_t kTick = 10000000;  // USER_HZ is 100 on every architecture
    out.cpu_total_ns = read_number(directory + "/cpuacct.usage");
    const auto split = read_pairs(directory + "/cpuacct.stat");
    out.cpu_user_ns = value_of(split, "user") * kTick;
    out.cpu_system_ns = value_of(split, "system") * kTick;
    std::istringstream each(first_line(directory + "/cpuacct.usage_percpu"));
    for (std::uint64_t value = 0; each >> value;) out.cpu_per_cpu_ns.push_back(value);
  }
  if (hierarchy.has("cpu")) {
    const auto pairs = read_pairs(directory + "/cpu.stat");
    out.throttling_periods = value_of(pairs, "nr_periods");
    out.throttled_periods = value_of(pairs, "nr_throttled");
    out.throttled_ns = value_of(pairs, "throttled_time");
  }
  if (hierarchy.has("memory")) {
    out.memory_usage = read_number(directory + "/memory.usage_in_bytes");
    out.memory_max_usage = read_number(directory + "/memory.max_usage_in_bytes");
    const std::uint64_t limit = read_number(directory + "/memory.limit_in_bytes");
    out.memory_limit = limit >= kUnlimited ? 0 : limit;
    out.memory_failcnt = read_number(directory + "/memory.failcnt");
    out.memory_stat = read_pairs(directory + "/memory.stat");
  }
  if (hierarchy.has("pids")) {
    out.pids_current = read_number(directory + "/pids.current");
    out.pids_limit = read_number(directory + "/pids.max");
  }
  if (hierarchy.has("blkio")) {
    read_blkio(directory + "/blkio.throttle.io_service_bytes_recursive", out.io_service_bytes);
    read_blkio(directory + "/blkio.throttle.io_serviced_recursive", out.io_serviced);
  }
}

}  // namespace gantry::container_shim::v1
