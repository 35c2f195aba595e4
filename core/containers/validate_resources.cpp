#include <unistd.h>

#include <charconv>
#include <set>

#include "base/file.hpp"
#include "containers/defaults.hpp"
#include "containers/validate.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

constexpr std::int64_t kLeastMemory = std::int64_t{6} << 20;

[[noreturn]] void refuse_limit(const std::string& message) { throw Error{Errc::invalid, message}; }

void validate_memory(const wire::Resources& limits) {
  if (limits.memory != 0 && limits.memory < kLeastMemory) refuse_limit("Minimum memory limit allowed is 6MB");
  if (limits.memory > 0 && limits.memory_swap > 0 && limits.memory_swap < limits.memory) {
    refuse_limit("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (limits.memory == 0 && limits.memory_swap > 0) {
    refuse_limit("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (limits.memory_swappiness && (*limits.memory_swappiness < -1 || *limits.memory_swappiness > 100)) {
    refuse_limit("Invalid value: " + std::to_string(*limits.memory_swappiness) +
                 ", valid memory swappiness range is 0-100");
  }
  if (limits.memory_reservation > 0 && limits.memory_reservation < kLeastMemory) {
    refuse_limit("Minimum memory reservation allowed is 6MB");
  }
  if (limits.memory > 0 && limits.memory_reservation > limits.memory) {
    refuse_limit("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
}

void validate_cpu(const wire::Resources& limits) {
  constexpr std::int64_t nano = 1'000'000'000;
  if (limits.nano_cpus > 0 && limits.cpu_period > 0) {
    refuse_limit("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (limits.nano_cpus > 0 && limits.cpu_quota > 0) {
    refuse_limit("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (limits.nano_cpus < 0 || limits.nano_cpus > cpus * nano ||
      (limits.nano_cpus > 0 && limits.nano_cpus < nano / 100)) {
    refuse_limit("Range of CPUs is from 0.01 to " + std::to_string(cpus) + ".00, as there are only " +
                 std::to_string(cpus) + " CPUs available");
  }
  if (limits.cpu_realtime_period != 0 && limits.cpu_realtime_runtime > limits.cpu_realtime_period) {
    refuse_limit("cpu real-time runtime cannot be higher than cpu real-time period");
  }
  if (limits.cpu_shares < 0) {
    refuse_limit("shares: invalid argument");
  }
  if (limits.cpu_period != 0 && (limits.cpu_period < 1000 || limits.cpu_period > 1'000'000)) {
    refuse_limit("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (limits.cpu_quota > 0 && limits.cpu_quota < 1000)
    refuse_limit("CPU cfs quota can not be less than 1ms (i.e. 1000)");
}

// "0-2,5" as numbers; false if it is no such list.
bool parse_list(const std::string& text, std::set<int>& out) {
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const char* const end = text.data() + comma;
    int first = 0;
    const auto [behind, error] = std::from_chars(text.data() + at, end, first);
    if (error != std::errc{} || first < 0) return false;
    int last = first;
    if (behind != end) {
      if (*behind != '-') return false;
      const auto [stop, failure] = std::from_chars(behind + 1, end, last);
      if (failure != std::errc{} || stop != end || last < first || last > 8192) return false;
    }
    for (int number = first; number <= last; ++number) out.insert(number);
    at = comma + 1;
  }
  return true;
}

void validate_set(const std::string& wanted, const char* file, const char* what, const char* option) {
  if (wanted.empty()) return;
  std::set<int> asked;
  if (!parse_list(wanted, asked))
    refuse_limit("Invalid value " + wanted + " for " + option + ": invalid format: " + wanted);
  std::string available = read_file(file);
  while (!available.empty() && available.back() == '\n') available.pop_back();
  std::set<int> there;
  if (!parse_list(available, there)) return;
  for (const int number : asked) {
    if (there.contains(number)) continue;
    refuse_limit(std::string("Requested ") + what + " are not available - requested " + wanted +
                 ", available: " + available);
  }
}

// By cgroup v2's "io" controller, or by either scheduler of v1's "blkio".
bool has_weights() {
  if (has_cgroup_v2()) return true;
  return ::access("/sys/fs/cgroup/blkio/blkio.weight", F_OK) == 0 ||
         ::access("/sys/fs/cgroup/blkio/blkio.bfq.weight", F_OK) == 0;
}

}  // namespace

void discard_weights(wire::Resources& limits, std::vector<std::string>& warnings) {
  if ((limits.blkio_weight == 0 && limits.blkio_weight_device.empty()) || has_weights()) return;
  if (limits.blkio_weight != 0) {
    warnings.emplace_back(
        "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.");
  }
  if (!limits.blkio_weight_device.empty()) {
    warnings.emplace_back(
        "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.");
  }
  limits.blkio_weight = 0;
  limits.blkio_weight_device.clear();
}

void validate_resources(const wire::Resources& limits, std::vector<std::string>& warnings) {
  validate_memory(limits);
  validate_cpu(limits);
  validate_set(limits.cpuset_cpus, "/sys/devices/system/cpu/online", "CPUs", "cpuset cpus");
  validate_set(limits.cpuset_mems, "/sys/devices/system/node/online", "memory nodes", "cpuset mems");
  if (limits.blkio_weight != 0 && (limits.blkio_weight < 10 || limits.blkio_weight > 1000)) {
    refuse_limit("Range of blkio weight is from 10 to 1000");
  }
  const std::string qos = "Invalid QoS settings: linux does not support configuration of maximum ";
  if (limits.io_maximum_bandwidth != 0) refuse_limit(qos + "bandwidth");
  if (limits.io_maximum_iops != 0) refuse_limit(qos + "IOPs");
  if (limits.kernel_memory_tcp != 0)
    refuse_limit("invalid option: kernel TCP memory limits are no longer supported by the kernel");
  for (const auto& limit : limits.ulimits) {
    if (limit.soft > limit.hard && limit.hard != -1) {
      refuse_limit("ulimit soft limit must be less than or equal to hard limit: " + std::to_string(limit.soft) + " > " +
                   std::to_string(limit.hard));
    }
  }
  if (limits.oom_kill_disable.value_or(false) && limits.memory == 0) {
    warnings.emplace_back(
        "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running "
        "out of "
        "resources.");
  }
  if (has_cgroup_v2() && limits.memory_swappiness.value_or(-1) != -1) {
    warnings.emplace_back(
        "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness "
        "discarded.");
  }
}

}  // namespace gantry::containers
