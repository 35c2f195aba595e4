#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::e2e {

/// What a server got: of datagrams, or of a stream's clients, one after another.
class Listener {
 public:
  explicit Listener(const std::string& path, int type = SOCK_DGRAM)
      : path_(path), type_(type), socket_(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << path;
    EXPECT_TRUE(type == SOCK_DGRAM || ::listen(socket_.get(), 8) == 0);
  }
  ~Listener() { std::filesystem::remove(path_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The next one; empty if none comes.
  std::string next() {
    std::string bytes;
    pollfd ready{socket_.get(), POLLIN, 0};
    // Clients of streams come and go without a word: to see whether there is a server.
    while (bytes.empty() && ::poll(&ready, 1, 20'000) > 0) {
      UniqueFd client;
      if (type_ == SOCK_STREAM) client.reset(::accept(socket_.get(), nullptr, nullptr));
      bytes.resize(65536);
      const ssize_t got = ::recv(client ? client.get() : socket_.get(), bytes.data(), bytes.size(), 0);
      bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    }
    return bytes;
  }

 private:
  std::string path_;
  int type_;
  UniqueFd socket_;
};

}  // namespace gantry::e2e
