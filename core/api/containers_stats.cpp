#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "api/client_watch.hpp"
#include "api/containers.hpp"
#include "base/time.hpp"

namespace gantry::api {

namespace {

using Json = nlohmann::ordered_json;
using runtime::v1::Stats;

/// The host's CPU time at the moment of a reading: clients divide the container's by it.
std::uint64_t host_cpu_ns() {
  std::ifstream stat{"/proc/stat"};
  std::string word;
  stat >> word;
  std::uint64_t total = 0;
  // user nice system idle iowait irq softirq steal
  for (int field = 0; field < 8; ++field) {
    std::uint64_t ticks = 0;
    if (!(stat >> ticks)) break;
    total += ticks;
  }
  return total * (1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

struct Reading {
  Stats stats;
  std::uint64_t host_cpu{};
  bool valid{};
};

Json cpu_json(const Reading& reading) {
  const Stats& stats = reading.stats;
  Json usage{{"total_usage", stats.cpu_total_ns}};
  if (!stats.cpu_per_cpu_ns.empty()) usage["percpu_usage"] = stats.cpu_per_cpu_ns;
  usage["usage_in_kernelmode"] = stats.cpu_system_ns;
  usage["usage_in_usermode"] = stats.cpu_user_ns;
  Json cpu{{"cpu_usage", std::move(usage)}};
  if (reading.valid) {
    cpu["system_cpu_usage"] = reading.host_cpu;
    cpu["online_cpus"] = ::sysconf(_SC_NPROCESSORS_ONLN);
  }
  cpu["throttling_data"] = {{"periods", stats.throttling_periods},
                            {"throttled_periods", stats.throttled_periods},
                            {"throttled_time", stats.throttled_ns}};
  return cpu;
}

Json memory_json(const Reading& reading) {
  if (!reading.valid) return Json::object();
  const Stats& stats = reading.stats;
  Json out{{"usage", stats.memory_usage}};
  if (stats.cgroup_version == 1) out["max_usage"] = stats.memory_max_usage;
  Json figures = Json::object();
  for (const auto& [name, value] : stats.memory_stat) figures[name] = value;
  out["stats"] = std::move(figures);
  if (stats.memory_failcnt != 0) out["failcnt"] = stats.memory_failcnt;
  // A container without a limit has the host's memory.
  const auto host =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  out["limit"] = stats.memory_limit == 0 || stats.memory_limit > host ? host : stats.memory_limit;
  return out;
}

Json blkio_list(const std::vector<runtime::v1::BlkioEntry>& entries, bool valid) {
  if (!valid) return nullptr;
  Json list = Json::array();
  for (const auto& entry : entries) {
    list.push_back({{"major", entry.major}, {"minor", entry.minor}, {"op", entry.op}, {"value", entry.value}});
  }
  return list;
}

Json blkio_json(const Reading& reading) {
  const Json none = reading.valid ? Json::array() : Json(nullptr);
  return {{"io_service_bytes_recursive", blkio_list(reading.stats.io_service_bytes, reading.valid)},
          {"io_serviced_recursive", blkio_list(reading.stats.io_serviced, reading.valid)},
          {"io_queue_recursive", none},
          {"io_service_time_recursive", none},
          {"io_wait_time_recursive", none},
          {"io_merged_recursive", none},
          {"io_time_recursive", none},
          {"sectors_recursive", none}};
}

Json networks_json(const Stats& stats) {
  Json out = Json::object();
  for (const auto& interface : stats.interfaces) {
    if (interface.name == "lo") continue;
    out[interface.name] = {{"rx_bytes", interface.rx_bytes},   {"rx_packets", interface.rx_packets},
                           {"rx_errors", interface.rx_errors}, {"rx_dropped", interface.rx_dropped},
                           {"tx_bytes", interface.tx_bytes},   {"tx_packets", interface.tx_packets},
                           {"tx_errors", interface.tx_errors}, {"tx_dropped", interface.tx_dropped}};
  }
  return out;
}

Json stats_json(const containers::Container& container, const Reading& reading, const Reading& previous,
                Version version) {
  const auto time = [](const Reading& of) {
    return of.valid ? format_rfc3339(of.stats.read_at_ns) : std::string(kZeroTime);
  };
  Json pids = Json::object();
  if (reading.valid) {
    pids["current"] = reading.stats.pids_current;
    if (reading.stats.pids_limit != 0) pids["limit"] = reading.stats.pids_limit;
  }
  Json out{{"name", "/" + container.name},
           {"id", container.id},
           {"read", time(reading)},
           {"preread", time(previous)},
           {"pids_stats", std::move(pids)},
           {"blkio_stats", blkio_json(reading)},
           {"num_procs", 0},
           {"storage_stats", Json::object()},
           {"cpu_stats", cpu_json(reading)},
           {"precpu_stats", cpu_json(previous)},
           {"memory_stats", memory_json(reading)}};
  if (version >= Version{1, 52}) out["os_type"] = "linux";
  if (reading.valid && !reading.stats.interfaces.empty()) out["networks"] = networks_json(reading.stats);
  return out;
}

awaitable<Reading> read_stats(containers::Service& service, std::string id) {
  Reading reading;
  try {
    reading.stats = co_await service.stats(id);
    if (reading.stats.read_at_ns == 0) reading.stats.read_at_ns = now();
    reading.host_cpu = host_cpu_ns();
    reading.valid = true;
  } catch (const Error& error) {
    if (error.code() != Errc::conflict && error.code() != Errc::not_found) throw;
  }
  co_return reading;
}

/// A timer that a client's leaving ends for good.
struct Pace {
  explicit Pace(asio::any_io_executor executor) : timer(std::move(executor)) {}
  asio::steady_timer timer;
  bool over{};

  void stop() {
    over = true;
    timer.cancel();
  }
  awaitable<void> tick() {
    if (over) co_return;
    timer.expires_after(std::chrono::seconds{1});
    boost::system::error_code woken;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
};

}  // namespace

awaitable<Response> Containers::get_stats(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto container = service_.find(request.parameter("id"));
  const std::string id = container->id;
  const bool stream = request.flag("stream", true);
  const bool one_shot = request.version >= Version{1, 41} && request.flag("one-shot");
  if (stream && one_shot) throw Error{Errc::invalid, "cannot have stream=true and one-shot=true"};
  const auto executor = co_await asio::this_coro::executor;
  const auto pace = std::make_shared<Pace>(executor);
  Reading previous;
  Reading reading = co_await read_stats(service_, id);
  co_await exchange.start(200, "application/json");
  ClientWatch watch{executor, exchange.client_gone(), [pace] { pace->stop(); }};
  std::exception_ptr failure;
  try {
    if (!stream && !one_shot && reading.valid) {
      // Two readings, so that the client can tell a rate.
      co_await pace->tick();
      previous = reading;
      reading = co_await read_stats(service_, id);
    }
    for (;;) {
      const auto present = service_.find(id);
      const std::string line = stats_json(*present, reading, previous, request.version).dump() + "\n";
      co_await exchange.write(line);
      if (!stream || pace->over) break;
      co_await pace->tick();
      if (pace->over) break;
      previous = reading;
      reading = co_await read_stats(service_, id);
    }
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) failure = std::current_exception();  // not_found: removed meanwhile
  } catch (...) {
    failure = std::current_exception();
  }
  co_await watch.stop();
  if (failure) std::rethrow_exception(failure);
  co_return Response::done();
}

}  // namespace gantry::api
