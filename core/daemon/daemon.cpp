#include "daemon/daemon.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/detached.hpp>
#include <csignal>

#include "api/listen.hpp"
#include "api/product.hpp"
#include "daemon/log.hpp"
#include "daemon/reload.hpp"
#include "daemon/service_manager.hpp"

namespace gantry::daemon {

namespace {

constexpr const char* kDefaultHost = "unix:///run/gantry/gantry.sock";
constexpr std::chrono::seconds kAnswerGrace{5};

api::ListenSettings listen_settings(const Config& config) {
  api::ListenSettings settings;
  settings.group = config.group;
  if (config.tls || config.tlsverify) {
    const api::TlsSettings files{config.tlscert, config.tlskey, config.tlscacert, config.tlsverify};
    settings.tls = std::make_shared<api::TlsContext>(files);
  } else {
    settings.plain_tcp = config.given.contains("tls") || config.given.contains("tlsverify");
  }
  return settings;
}

}  // namespace

Daemon::Daemon(CommandLine command_line, Config config)
    : command_line_(std::move(command_line)),
      config_(std::move(config)),
      signals_(context_, SIGTERM, SIGINT, SIGHUP),
      engine_(context_, config_),
      server_(context_, engine_.router()) {}

int Daemon::run() {
  asio::co_spawn(context_, watch_signals(), asio::detached);
  asio::co_spawn(context_, serve(), [this](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      spdlog::error("failed to start daemon: {}", error.what());
    }
    status_ = 1;
    context_.stop();
  });
  context_.run();
  return status_;
}

awaitable<void> Daemon::serve() {
  co_await engine_.recover();
  if (stopping_) co_return;
  listen();
  spdlog::info("gantryd {} is ready", api::product_version());
  notify_service_manager("READY=1");
}

void Daemon::listen() {
  const api::ListenSettings settings = listen_settings(config_);
  if (!config_.api_for_containers) {
    server_.refuse([this](const sockaddr_storage& peer) -> std::string {
      const std::string network = engine_.network_of(peer);
      if (network.empty()) return {};
      return "the API is not for containers, and this one is on network " + network +
             " (api-for-containers in the daemon's configuration)";
    });
  }
  Strings hosts = config_.hosts;
  if (hosts.empty()) hosts.emplace_back(kDefaultHost);
  for (const std::string& host : hosts) {
    for (api::Listener& listener : api::open_listeners(host, settings)) {
      if (host.starts_with("tcp://") && !listener.tls) {
        spdlog::warn(
            "API is accessible on {} without encryption: access to it is equivalent to root access on this host", host);
      }
      spdlog::info("API listens on {}", listener.address());
      server_.listen(std::move(listener));
    }
  }
}

awaitable<void> Daemon::watch_signals() {
  for (;;) {
    const int signal = co_await signals_.async_wait(asio::use_awaitable);
    if (signal == SIGHUP) {
      // Beside this: it waits for changes of drivers that are under way, and the next signal does not.
      asio::co_spawn(context_, reload(), asio::detached);
    } else if (!stopping_) {
      stopping_ = true;
      spdlog::info("signal {}: shutting down", signal);
      asio::co_spawn(context_, stop(), asio::detached);
    } else {
      spdlog::warn("second signal: ending at once");
      context_.stop();
      co_return;
    }
  }
}

awaitable<void> Daemon::stop() {
  notify_service_manager("STOPPING=1");
  server_.stop_accepting();
  std::string failure;
  try {
    co_await engine_.shut_down();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (!failure.empty()) spdlog::error("shutdown: {}", failure);
  engine_.close();
  co_await server_.stop(kAnswerGrace);
  context_.stop();
}

awaitable<void> Daemon::reload() {
  const auto lock = co_await engine_.hold_plugins();
  notify_service_manager(reloading_state());
  try {
    const Config fresh = load_config(command_line_.config, command_line_.config_file, command_line_.config_file_given);
    const Reloaded reloaded = take_over(config_, fresh);
    co_await engine_.reload(reloaded.config);
    config_ = reloaded.config;
    set_log_level(config_);
    for (const std::string& change : reloaded.changes) spdlog::info("reload: {}", change);
    for (const std::string& key : reloaded.later) spdlog::warn("reload: {} holds from the daemon's next start", key);
    spdlog::info("reloaded {}: {}", command_line_.config_file, reloaded.changes.empty() ? "nothing changed" : "done");
  } catch (const std::exception& error) {
    spdlog::error("reload: nothing was changed: {}", error.what());
  }
  notify_service_manager("READY=1");
}

}  // namespace gantry::daemon
