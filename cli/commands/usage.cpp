#include "commands/usage.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "format/units.hpp"

namespace gantry::cli {

namespace {

double number(const Json& object, std::initializer_list<const char*> path) {
  const Json* at = &object;
  for (const char* key : path) {
    if (!at->is_object()) return 0;
    const auto found = at->find(key);
    if (found == at->end()) return 0;
    at = &*found;
  }
  return at->is_number() ? at->get<double>() : 0;
}

std::string percent(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f%%", value);
  return text.data();
}

double cpu_percent(const Json& stats) {
  const double used = number(stats, {"cpu_stats", "cpu_usage", "total_usage"}) -
                      number(stats, {"precpu_stats", "cpu_usage", "total_usage"});
  const double system =
      number(stats, {"cpu_stats", "system_cpu_usage"}) - number(stats, {"precpu_stats", "system_cpu_usage"});
  double processors = number(stats, {"cpu_stats", "online_cpus"});
  if (processors == 0 && stats.contains("cpu_stats")) {
    const Json usage = stats["cpu_stats"].value("cpu_usage", Json::object());
    if (usage.contains("percpu_usage") && usage["percpu_usage"].is_array()) {
      processors = static_cast<double>(usage["percpu_usage"].size());
    }
  }
  return used > 0 && system > 0 ? used / system * processors * 100 : 0;
}

// Pages of files that nobody uses are no memory that the container needs: cgroup v1 and v2 name them differently.
double memory_used(const Json& stats) {
  const double usage = number(stats, {"memory_stats", "usage"});
  for (const char* key : {"total_inactive_file", "inactive_file"}) {
    const double inactive = number(stats, {"memory_stats", "stats", key});
    if (inactive > 0 && inactive < usage) return usage - inactive;
  }
  return usage;
}

std::string network_text(const Json& stats) {
  double received = 0;
  double sent = 0;
  const auto networks = stats.find("networks");
  if (networks != stats.end() && networks->is_object()) {
    for (const auto& item : networks->items()) {
      received += number(item.value(), {"rx_bytes"});
      sent += number(item.value(), {"tx_bytes"});
    }
  }
  return human_size(received) + " / " + human_size(sent);
}

std::string block_text(const Json& stats) {
  double read = 0;
  double written = 0;
  const Json block = stats.value("blkio_stats", Json::object());
  if (block.is_object() && block.contains("io_service_bytes_recursive") &&
      block["io_service_bytes_recursive"].is_array()) {
    for (const Json& entry : block["io_service_bytes_recursive"]) {
      const std::string operation = entry.value("op", "");
      if (operation.empty()) continue;
      if (operation[0] == 'r' || operation[0] == 'R') read += number(entry, {"value"});
      if (operation[0] == 'w' || operation[0] == 'W') written += number(entry, {"value"});
    }
  }
  return human_size(read) + " / " + human_size(written);
}

}  // namespace

Json usage_row(const Json& stats, const std::string& name, bool truncate) {
  const double used = memory_used(stats);
  const double limit = number(stats, {"memory_stats", "limit"});
  const std::string id = stats.value("id", "");
  std::string own_name = stats.value("name", "");
  if (!own_name.empty() && own_name[0] == '/') own_name.erase(0, 1);
  return {{"BlockIO", block_text(stats)},
          {"CPUPerc", percent(cpu_percent(stats))},
          {"Container", name},
          {"ID", truncate ? short_id(id) : id},
          {"MemPerc", percent(limit > 0 ? used / limit * 100 : 0)},
          {"MemUsage", binary_size(used) + " / " + binary_size(limit)},
          {"Name", own_name},
          {"NetIO", network_text(stats)},
          {"PIDs", std::to_string(static_cast<long long>(number(stats, {"pids_stats", "current"})))}};
}

Json unknown_usage_row(const std::string& name) {
  return {{"BlockIO", "-- / --"}, {"CPUPerc", "--"},       {"Container", name}, {"ID", name.empty() ? "--" : name},
          {"MemPerc", "--"},      {"MemUsage", "-- / --"}, {"Name", "--"},      {"NetIO", "-- / --"},
          {"PIDs", "--"}};
}

}  // namespace gantry::cli
