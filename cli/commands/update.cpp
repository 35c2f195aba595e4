#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/live_edits.hpp"
#include "format/go_value.hpp"
#include "parse/quantity.hpp"
#include "parse/resource.hpp"

namespace gantry::cli {

namespace {

/// The limits that `update` changes: those that were given, by the API's names.
struct Limits {
  std::map<std::string, std::int64_t> numbers;
  std::map<std::string, std::string> texts;
  std::string restart;

  void declare(Flags& flags) {
    const auto number = [&](const char* name, const char* key, const char* help, const char* type = "int") {
      flags.custom(name, type, help, [this, key](const std::string& text) { numbers[key] = parse_integer(text); });
    };
    const auto bytes = [&](const char* name, const char* key, const char* help) {
      flags.custom(name, "bytes", help, [this, key](const std::string& text) {
        numbers[key] = text == "-1" && std::string_view(key) == "MemorySwap" ? -1 : parse_bytes(text);
      });
    };
    const auto text = [&](const char* name, const char* key, const char* help) {
      flags.custom(name, "string", help, [this, key](const std::string& value) { texts[key] = value; });
    };
    flags.custom("blkio-weight", "uint16",
                 "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
                 [this](const std::string& value) { numbers["BlkioWeight"] = parse_unsigned(value, 16); });
    number("cpu-period", "CpuPeriod", "Limit CPU CFS (Completely Fair Scheduler) period");
    number("cpu-quota", "CpuQuota", "Limit CPU CFS (Completely Fair Scheduler) quota");
    number("cpu-rt-period", "CpuRealtimePeriod", "Limit the CPU real-time period in microseconds");
    number("cpu-rt-runtime", "CpuRealtimeRuntime", "Limit the CPU real-time runtime in microseconds");
    number("cpu-shares,c", "CpuShares", "CPU shares (relative weight)");
    number("pids-limit", "PidsLimit", "Tune container pids limit (set -1 for unlimited)");
    text("cpuset-cpus", "CpusetCpus", "CPUs in which to allow execution (0-3, 0,1)");
    text("cpuset-mems", "CpusetMems", "MEMs in which to allow execution (0-3, 0,1)");
    bytes("kernel-memory", "KernelMemory", "Kernel memory limit (deprecated)");
    bytes("memory,m", "Memory", "Memory limit");
    bytes("memory-reservation", "MemoryReservation", "Memory soft limit");
    bytes("memory-swap", "MemorySwap", "Swap limit equal to memory plus swap: -1 to enable unlimited swap");
    flags
        .custom("cpus", "decimal", "Number of CPUs",
                [this](const std::string& value) { numbers["NanoCpus"] = parse_nano_cpus(value); })
        .text("restart", restart, "Restart policy to apply when a container exits");
  }
};

}  // namespace

int container_update(Context& context) {
  Limits limits;
  Flags flags;
  limits.declare(flags);
  LiveEdits edits;
  edits.declare(flags);
  const auto names = context.parse(flags, Arity::at_least(1));
  const bool limited = !limits.numbers.empty() || !limits.texts.empty() || !limits.restart.empty();
  if (!limited && edits.empty()) {
    throw Failure("you must provide one or more flags when using this command");
  }
  Json body = Json::object();
  for (const auto& [key, value] : limits.numbers) body[key] = value;
  for (const auto& [key, value] : limits.texts) body[key] = value;
  if (!limits.restart.empty()) body["RestartPolicy"] = parse_restart_policy(limits.restart);
  // Whatever a flag has wrong is said before anything changes.
  std::vector<std::vector<LiveEdits::Request>> requests;
  for (const std::string& name : names) requests.push_back(edits.requests(name));
  std::string warnings;
  std::string failures;
  for (std::size_t at = 0; at < names.size(); ++at) {
    const std::string& name = names[at];
    try {
      Json answer = Json::object();
      if (limited) answer = context.client().post("/containers/" + escaped(name) + "/update", body);
      for (const LiveEdits::Request& request : requests[at]) context.client().post(request.path, *request.body);
      std::printf("%s\n", name.c_str());
      if (!answer.contains("Warnings") || !answer["Warnings"].is_array()) continue;
      for (const Json& warning : answer["Warnings"]) warnings += go_text(warning) + "\n";
    } catch (const DaemonError& error) {
      failures += std::string(error.what()) + "\n";
    }
  }
  std::fputs(warnings.c_str(), stdout);
  std::fflush(stdout);
  std::fputs(failures.c_str(), stderr);
  return failures.empty() ? 0 : 1;
}

}  // namespace gantry::cli
