#include "container_shim/cgroup_v2.hpp"

#include <algorithm>
#include <sstream>

#include "container_shim/container_files.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim::v2 {

namespace {

using runtime::v1::DeviceRate;
using runtime::v1::Resources;
using runtime::v1::Stats;

std::string limit(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

void memory_writes(const Resources& r, std::vector<PlanWrite>& out) {
  if (r.memory_swap && *r.memory_swap != 0) {
    if (*r.memory_swap > 0 && r.memory && *r.memory > *r.memory_swap) {
      throw Error{Errc::invalid, "Minimum memoryswap limit should be larger than memory limit, see usage"};
    }
    // v2 counts swap alone; v1, and so the API, memory and swap together.
    const std::int64_t swap =
        *r.memory_swap < 0 ? -1 : *r.memory_swap - std::max<std::int64_t>(r.memory.value_or(0), 0);
    out.push_back({"memory.swap.max", limit(swap), true});
  }
  if (r.memory && *r.memory != 0) out.push_back({"memory.max", limit(*r.memory), false});
  if (r.memory_reservation) out.push_back({"memory.low", limit(*r.memory_reservation), false});
}

void rate_writes(const char* key, const std::vector<DeviceRate>& rates, std::vector<PlanWrite>& out) {
  for (const DeviceRate& rate : rates) {
    const std::string value = rate.rate == 0 ? "max" : std::to_string(rate.rate);
    out.push_back({"io.max", device_number(rate.path) + " " + key + "=" + value, false});
  }
}

void io_writes(const Resources& r, std::vector<PlanWrite>& out) {
  if (r.blkio_weight && *r.blkio_weight != 0) {
    out.push_back({"io.bfq.weight", std::to_string(*r.blkio_weight), true});
    const std::uint64_t weight = 1 + (std::uint64_t{*r.blkio_weight} - 10) * 9999 / 990;
    out.push_back({"io.weight", "default " + std::to_string(weight), true});
  }
  for (const DeviceRate& rate : r.blkio_weight_device) {
    out.push_back({"io.bfq.weight", device_number(rate.path) + " " + std::to_string(rate.rate), false});
  }
  rate_writes("rbps", r.blkio_read_bps, out);
  rate_writes("wbps", r.blkio_write_bps, out);
  rate_writes("riops", r.blkio_read_iops, out);
  rate_writes("wiops", r.blkio_write_iops, out);
}

void cpu_writes(const Resources& r, std::vector<PlanWrite>& out) {
  if (r.cpu_shares && *r.cpu_shares != 0) {
    out.push_back({"cpu.weight", std::to_string(weight_of_shares(*r.cpu_shares)), false});
  }
  if (r.cpu_quota || r.cpu_period) {
    const std::int64_t quota = r.cpu_quota.value_or(-1);
    const std::uint64_t period = r.cpu_period && *r.cpu_period != 0 ? *r.cpu_period : 100000;
    out.push_back({"cpu.max", (quota > 0 ? std::to_string(quota) : "max") + " " + std::to_string(period), false});
  }
}

void read_io(const std::string& directory, Stats& out) {
  std::istringstream lines(read_text(directory + "/io.stat"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    runtime::v1::BlkioEntry entry;
    char colon = 0;
    if (!(words >> entry.major >> colon >> entry.minor)) continue;
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) continue;
      entry.value = to_number(word.substr(equals + 1));
      const std::string key = word.substr(0, equals);
      entry.op = key.starts_with('r') ? "read" : "write";
      if (key == "rbytes" || key == "wbytes") out.io_service_bytes.push_back(entry);
      if (key == "rios" || key == "wios") out.io_serviced.push_back(entry);
    }
  }
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
  if (shares == 0) return 0;
  shares = std::clamp<std::uint64_t>(shares, 2, 262144);
  return 1 + (shares - 2) * 9999 / 262142;
}

std::vector<PlanWrite> limit_writes(const Hierarchy& hierarchy, const Resources& r) {
  std::vector<PlanWrite> out;
  if (hierarchy.has("memory")) memory_writes(r, out);
  if (hierarchy.has("cpu")) cpu_writes(r, out);
  if (hierarchy.has("io")) io_writes(r, out);
  if (hierarchy.has("pids") && r.pids_limit) {
    out.push_back({"pids.max", *r.pids_limit > 0 ? std::to_string(*r.pids_limit) : "max", false});
  }
  if (hierarchy.has("cpuset")) {
    if (!r.cpuset_cpus.empty()) out.push_back({"cpuset.cpus", r.cpuset_cpus, false});
    if (!r.cpuset_mems.empty()) out.push_back({"cpuset.mems", r.cpuset_mems, false});
  }
  return out;
}

void read_stats(const Hierarchy& hierarchy, const std::string& directory, Stats& out) {
  if (hierarchy.has("cpu")) {
    const auto cpu = read_pairs(directory + "/cpu.stat");
    out.cpu_total_ns = value_of(cpu, "usage_usec") * 1000;
    out.cpu_user_ns = value_of(cpu, "user_usec") * 1000;
    out.cpu_system_ns = value_of(cpu, "system_usec") * 1000;
    out.throttling_periods = value_of(cpu, "nr_periods");
    out.throttled_periods = value_of(cpu, "nr_throttled");
    out.throttled_ns = value_of(cpu, "throttled_usec") * 1000;
  }
  if (hierarchy.has("memory")) {
    out.memory_usage = read_number(directory + "/memory.current");
    out.memory_max_usage = read_number(directory + "/memory.peak");
    out.memory_limit = read_number(directory + "/memory.max");
    out.memory_failcnt = value_of(read_pairs(directory + "/memory.events"), "max");
    out.memory_stat = read_pairs(directory + "/memory.stat");
  }
  if (hierarchy.has("pids")) {
    out.pids_current = read_number(directory + "/pids.current");
    out.pids_limit = read_number(directory + "/pids.max");
  }
  if (hierarchy.has("io")) read_io(directory, out);
}

}  // namespace gantry::container_shim::v2
