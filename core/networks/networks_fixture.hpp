#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gantry/unique_fd.hpp"
#include "networks/service.hpp"

namespace gantry::networks {

inline UniqueFd make_sandbox() {
  UniqueFd netns;
  std::thread([&netns] {
    if (::unshare(CLONE_NEWNET) == 0) netns.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }).join();
  return netns;
}

inline std::string container_id(char digit) { return std::string(64, digit); }

/// The real bridge driver behind the service; the other kinds' drivers are samples.
class NetworksTest : public ::testing::Test {
 protected:
  NetworksTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "networks-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    open();
  }

  ~NetworksTest() override {
    close();
    std::filesystem::remove_all(directory_);
  }

  void open() {
    store_ = std::make_unique<state::Store>(directory_ / "state.db");
    workers_ = std::make_unique<Workers>(4, 1);
    plugins::DriverConfig config;
    config.directories = {GANTRY_TEST_DRIVERS, GANTRY_TEST_PLUGINS};
    config.data_root = directory_ / "data";
    config.exec_root = directory_ / "run";
    config.storage = "directory";
    config.registry = "directory";
    config.runtime = "plain";
    drivers_ = std::make_unique<plugins::Drivers>(config, *workers_);
    drivers_->load();
    service_ = std::make_unique<Service>(*store_, bus_, *drivers_, *workers_);
    run(service_->start());
  }

  /// As the daemon ends: containers run on.
  void close() {
    service_.reset();
    io_.restart();
    io_.run();
    drivers_.reset();
    workers_.reset();
    store_.reset();
  }

  template <class T>
  T run(awaitable<T> work) {
    std::exception_ptr failure;
    std::optional<T> out;
    asio::co_spawn(io_, std::move(work), [&](std::exception_ptr error, T result) {
      failure = error;
      if (!error) out = std::move(result);
      io_.stop();
    });
    io_.restart();
    io_.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(out.value());
  }

  void run(awaitable<void> work) {
    std::exception_ptr failure;
    asio::co_spawn(io_, std::move(work), [&](std::exception_ptr error) {
      failure = error;
      io_.stop();
    });
    io_.restart();
    io_.run();
    if (failure) std::rethrow_exception(failure);
  }

  std::string failure(awaitable<std::shared_ptr<const Network>> work) {
    try {
      run(std::move(work));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::shared_ptr<const Network> create(const std::string& name, bool internal = false) {
    NetworkRequest request;
    request.name = name;
    request.internal = internal;
    return run(service_->create(request));
  }

  SandboxRequest request(char id, const std::vector<std::string>& networks) {
    SandboxRequest out;
    out.container_id = container_id(id);
    out.container_name = std::string("c") + id;
    for (const std::string& network : networks) {
      EndpointRequest endpoint;
      endpoint.network = network;
      out.endpoints.push_back(endpoint);
    }
    return out;
  }

  std::vector<std::string> actions() {
    std::vector<std::string> out;
    for (const auto& event : bus_.history(0, now() + 1, [](const events::Event&) { return true; })) {
      out.push_back(event.action + " " + event.attributes.at("name"));
    }
    return out;
  }

  std::filesystem::path directory_;
  asio::io_context io_;
  events::Bus bus_;
  std::unique_ptr<state::Store> store_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<plugins::Drivers> drivers_;
  std::unique_ptr<Service> service_;
};

}  // namespace gantry::networks
