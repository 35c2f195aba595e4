#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <cstring>
#include <filesystem>
#include <future>
#include <thread>

#include "api/server.hpp"
#include "base/id.hpp"

/// A server behind a socket of its own, with routes for the tests, and a client that speaks bytes.
namespace gantry::api {

class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("connect");
    }
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t put = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(put));
    }
  }

  void close_write() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  std::string until(std::string_view end) {
    while (received_.find(end) == std::string::npos && receive()) {
    }
    const auto at = received_.find(end);
    if (at == std::string::npos) return std::exchange(received_, {}) + "<end>";
    std::string out = received_.substr(0, at + end.size());
    received_.erase(0, out.size());
    return out;
  }

  /// What comes at once.
  std::string piece() {
    receive();
    return std::exchange(received_, {});
  }

  std::string rest() {
    while (receive()) {
    }
    return std::exchange(received_, {});
  }

 private:
  bool receive() {
    char buffer[4096];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  UniqueFd fd_;
  std::string received_;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : folder_(std::filesystem::temp_directory_path() / ("gantry-" + random_id().substr(0, 12))) {
    limits_.linger_time = std::chrono::milliseconds{500};
    add_routes();
  }

  ~ServerTest() override {
    if (thread_.joinable()) stop();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    server_ = std::make_unique<Server>(context_, router_, limits_);
    for (Listener& listener : open_listeners("unix://" + path(), {})) server_->listen(std::move(listener));
    thread_ = std::thread{[this] { context_.run(); }};
  }

  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds{5000}) {
    asio::co_spawn(context_, server_->stop(grace), asio::detached);
    thread_.join();
    server_.reset();
  }

  [[nodiscard]] std::string path() const { return folder_ / "api.sock"; }

  void add_routes();

  asio::io_context context_;
  Router router_;
  Limits limits_;
  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::promise<void> gone_;
};

}  // namespace gantry::api
