#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "gantry/unique_fd.hpp"

/// Network namespaces and tiny servers for the tests.
namespace gantry::bridge::test {

/// Runs `work` on a thread inside of a network namespace.
void inside(int netns, const std::function<void()>& work);

/// A network namespace of its own; gone with the object.
class Sandbox {
 public:
  Sandbox();
  [[nodiscard]] int netns() const { return netns_.get(); }

 private:
  UniqueFd netns_;
};

/// The namespace of the calling thread.
UniqueFd own_netns();

/// Answers whoever connects (or sends a datagram) with the address that it sees him under.
class Server {
 public:
  Server(int netns, const std::string& protocol, std::uint16_t port, int family = 2 /* AF_INET */);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  void serve_tcp();
  void serve_udp();

  UniqueFd socket_;
  UniqueFd stop_;
  std::thread thread_;
};

/// What a server at `address` answers to a client inside of `netns`; nothing if it can't be reached within the time.
std::optional<std::string> ask(int netns, const std::string& protocol, const std::string& address, std::uint16_t port,
                               int timeout_ms = 2000);

/// Whether a program could listen there.
bool can_listen(const std::string& address, std::uint16_t port);

}  // namespace gantry::bridge::test
