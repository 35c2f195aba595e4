#include <map>
#include <set>

#include "containers/spec.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

std::vector<runtime::v1::DeviceRate> rates(const std::vector<wire::ThrottleDevice>& devices) {
  std::vector<runtime::v1::DeviceRate> out;
  for (const auto& device : devices) out.push_back({device.path, device.rate});
  return out;
}

std::string rlimit_type(const std::string& name) {
  static const std::set<std::string> known{"core",    "cpu",      "data",   "fsize",      "locks",
                                           "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                           "rss",     "rtprio",   "rttime", "sigpending", "stack"};
  if (!known.contains(name)) throw Error{Errc::invalid, "invalid ulimit type: " + name};
  std::string type = "RLIMIT_";
  for (const char c : name) type += static_cast<char>(c - 'a' + 'A');
  return type;
}

}  // namespace

runtime::v1::Resources build_resources(const wire::Resources& limits) {
  runtime::v1::Resources out;
  const auto set = [](auto& slot, auto value) {
    if (value != 0) slot = value;
  };
  set(out.memory, limits.memory);
  set(out.memory_swap, limits.memory_swap);
  set(out.memory_reservation, limits.memory_reservation);
  out.memory_swappiness = limits.memory_swappiness;
  out.oom_kill_disable = limits.oom_kill_disable.value_or(false);
  if (limits.cpu_shares != 0) out.cpu_shares = static_cast<std::uint64_t>(limits.cpu_shares);
  if (limits.nano_cpus > 0) {
    constexpr std::int64_t period = 100'000;
    out.cpu_period = period;
    out.cpu_quota = limits.nano_cpus * period / 1'000'000'000;
  }
  if (limits.cpu_period != 0) out.cpu_period = static_cast<std::uint64_t>(limits.cpu_period);
  set(out.cpu_quota, limits.cpu_quota);
  set(out.cpu_rt_runtime, limits.cpu_realtime_runtime);
  if (limits.cpu_realtime_period != 0) out.cpu_rt_period = static_cast<std::uint64_t>(limits.cpu_realtime_period);
  out.cpuset_cpus = limits.cpuset_cpus;
  out.cpuset_mems = limits.cpuset_mems;
  out.pids_limit = limits.pids_limit;
  if (limits.blkio_weight != 0) out.blkio_weight = limits.blkio_weight;
  for (const auto& device : limits.blkio_weight_device) out.blkio_weight_device.push_back({device.path, device.weight});
  out.blkio_read_bps = rates(limits.blkio_device_read_bps);
  out.blkio_write_bps = rates(limits.blkio_device_write_bps);
  out.blkio_read_iops = rates(limits.blkio_device_read_iops);
  out.blkio_write_iops = rates(limits.blkio_device_write_iops);
  return out;
}

std::vector<runtime::v1::Rlimit> build_rlimits(const wire::Resources& limits, const Settings& settings) {
  std::map<std::string, wire::Ulimit> chosen = settings.default_ulimits;
  for (const auto& limit : limits.ulimits) chosen[limit.name] = limit;
  std::vector<runtime::v1::Rlimit> out;
  for (const auto& [name, limit] : chosen) {
    out.push_back({rlimit_type(name), static_cast<std::uint64_t>(limit.soft), static_cast<std::uint64_t>(limit.hard)});
  }
  return out;
}

}  // namespace gantry::containers
