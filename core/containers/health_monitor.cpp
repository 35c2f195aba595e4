#include "containers/health_monitor.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <csignal>

#include "containers/impl.hpp"

namespace gantry::containers {

namespace {

using UnixStream = asio::local::stream_protocol;

// What a child of the probe's may still write once the probe has ended: as long as containerd waits for it.
constexpr std::chrono::seconds kLastOutput{2};

awaitable<void> take_frames(Probe& probe) {
  std::array<unsigned char, 8> head{};
  std::array<char, 4096> buffer{};
  for (;;) {
    co_await asio::async_read(probe.streams, asio::buffer(head), asio::use_awaitable);
    std::size_t left = std::size_t{head[4]} << 24 | std::size_t{head[5]} << 16 | std::size_t{head[6]} << 8 | head[7];
    while (left > 0) {
      const auto part = asio::buffer(buffer, std::min(left, buffer.size()));
      const std::size_t got = co_await probe.streams.async_read_some(part, asio::use_awaitable);
      probe.output.append({buffer.data(), got});
      left -= got;
    }
  }
}

// A probe that writes more than is kept must not be held up: it is read to its end.
awaitable<void> take_output(std::shared_ptr<Probe> probe, std::shared_ptr<HealthMonitor> monitor) {
  try {
    co_await take_frames(*probe);
  } catch (const boost::system::system_error&) {
    // The end of the stream, or `probe` was given up.
  }
  probe->output_ended = true;
  monitor->wake();
}

awaitable<void> tell_end(std::shared_ptr<Exec> exec, std::shared_ptr<HealthMonitor> monitor) {
  while (exec->running) {
    boost::system::error_code woken;
    co_await exec->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  monitor->wake();
}

std::string timeout_message(Nanoseconds limit, const ProbeOutput& output) {
  const std::string what = "Health check exceeded timeout (" + show_duration(limit) + ")";
  return output.empty() ? what : what + ": " + output.text();
}

}  // namespace

void HealthMonitor::stop() {
  stopped_ = true;
  timer_.cancel();
}

void Service::Impl::start_health(const std::string& id) {
  const auto container = table.find(id);
  if (!container || container->state != State::running || !container->health || ending) return;
  stop_health(id);
  const auto monitor = std::make_shared<HealthMonitor>(executor);
  live(id)->health = monitor;
  asio::co_spawn(executor, monitor_health(id, monitor), asio::detached);
}

void Service::Impl::stop_health(const std::string& id) {
  if (const auto monitor = std::exchange(live(id)->health, nullptr)) monitor->stop();
}

awaitable<void> Service::Impl::monitor_health(std::string id, std::shared_ptr<HealthMonitor> monitor) {
  while (!monitor->stopped()) {
    const auto container = table.find(id);
    if (!container || !container->health) co_return;
    const Nanoseconds delay =
        probe_delay(*container->config.healthcheck, container->health->status, now() - container->started);
    const auto never = [] { return false; };
    co_await monitor->wait(std::chrono::nanoseconds{delay}, never);
    if (monitor->stopped()) co_return;
    ProbeResult result;
    result.start = now();
    try {
      co_await run_probe(id, monitor, result);
    } catch (const std::exception& error) {
      result.exit_code = -1;
      result.output = error.what();
    }
    result.end = now();
    if (!monitor->stopped()) take_probe(id, std::move(result));
  }
}

awaitable<void> Service::Impl::run_probe(std::string id, std::shared_ptr<HealthMonitor> monitor, ProbeResult& result) {
  const auto container = table.find(id);
  if (!container) co_return;
  ExecRequest request;
  request.attach_stdout = request.attach_stderr = true;
  request.cmd = probe_command(container->config);
  const auto exec = create_exec(*container, std::move(request));
  // On record, so that after a kill of the daemon its successor ends what nobody reads any more.
  change(id, [&exec](Container& record) {
    if (record.health) record.health->probe = exec->id;
  });
  const auto probe = std::make_shared<Probe>(executor, exec);
  std::exception_ptr failure;
  try {
    ExecStart start;
    UniqueFd socket = co_await start_exec(exec, start);
    probe->streams.assign(UnixStream{}, socket.get());
    static_cast<void>(socket.release());
    co_await watch_probe(probe, monitor, probe_timeout(*container->config.healthcheck), result);
  } catch (...) {
    failure = std::current_exception();
  }
  boost::system::error_code ignored;
  probe->streams.close(ignored);
  forget_exec(exec->id);
  if (failure) std::rethrow_exception(failure);
}

awaitable<void> Service::Impl::watch_probe(std::shared_ptr<Probe> probe, std::shared_ptr<HealthMonitor> monitor,
                                           Nanoseconds limit, ProbeResult& result) {
  const auto exec = probe->exec;
  asio::co_spawn(executor, take_output(probe, monitor), asio::detached);
  asio::co_spawn(executor, tell_end(exec, monitor), asio::detached);
  const auto has_ended = [exec] { return !exec->running; };
  const bool ended = co_await monitor->wait(std::chrono::nanoseconds{limit}, has_ended);
  if (!ended) {
    co_await kill_probe(exec->container_id, exec->id);
    // Probes that are about to die must not pile up.
    while (exec->running) {
      boost::system::error_code woken;
      co_await exec->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    result.exit_code = -1;
    result.output = timeout_message(limit, probe->output);
    co_return;
  }
  const auto is_read = [probe] { return probe->output_ended; };
  co_await monitor->wait(kLastOutput, is_read);
  result.exit_code = exec->exit_code.value_or(-1);
  result.output = probe->output.text();
}

awaitable<void> Service::Impl::kill_probe(std::string id, std::string exec_id) {
  const auto container = table.find(id);
  if (!container) co_return;
  try {
    plugins::CallSettings call_settings;
    const auto ask_to_kill = [id, exec_id](auto& driver, const Call& call) {
      driver.signal(id, exec_id, SIGKILL, call);
    };
    co_await at.drivers.call(runtime_of(*container), Pool::quick, call_settings, ask_to_kill);
  } catch (const Error&) {
    // It has ended by itself.
  }
}

void Service::Impl::take_probe(const std::string& id, ProbeResult result) {
  const auto before = table.find(id);
  if (!before || before->state != State::running || !before->health) return;
  const auto after = change(id, [&result](Container& record) {
    record.health->probe.clear();
    const Nanoseconds since_start = result.start - record.started;
    take_result(*record.health, std::move(result), *record.config.healthcheck, since_start);
  });
  if (after->health->status == before->health->status) return;
  publish("health_status: " + std::string(to_string(after->health->status)), *after);
  if (after->health->status == HealthStatus::unhealthy && !after->config.health_on_failure.empty()) {
    asio::co_spawn(executor, act_on_failure(id, after->config.health_on_failure), asio::detached);
  }
}

// Podman's --health-on-failure. A kill is no stop by the user's hand: the restart policy applies.
awaitable<void> Service::Impl::act_on_failure(std::string id, std::string action) {
  try {
    if (action == "kill") {
      publish("kill", *find(id), {{"signal", std::to_string(SIGKILL)}});
      co_await send_signal(id, SIGKILL);
    } else if (action == "stop") {
      StopRequest request;
      co_await stop(id, request);
    } else if (action == "restart") {
      StopRequest request;
      co_await restart(id, request);
    }
  } catch (const std::exception& error) {
    // Someone else has ended it or taken it away; if not, this is how the operator learns of it.
    at.bus.publish({"daemon", "error", id, {{"message", error.what()}}, 0});
  }
}

}  // namespace gantry::containers
