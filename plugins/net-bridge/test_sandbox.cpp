#include "test_sandbox.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace gantry::bridge::test {
namespace {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

SocketAddress socket_address(const std::string& address, std::uint16_t port, socklen_t& size) {
  SocketAddress out{};
  if (address.find(':') == std::string::npos) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &out.v4.sin_addr);
    size = sizeof out.v4;
  } else {
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address.c_str(), &out.v6.sin6_addr);
    size = sizeof out.v6;
  }
  return out;
}

std::string text_of(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address.any.sa_family == AF_INET ? static_cast<const void*>(&address.v4.sin_addr)
                                                       : static_cast<const void*>(&address.v6.sin6_addr);
  ::inet_ntop(address.any.sa_family, bytes, text.data(), text.size());
  return text.data();
}

bool wait_for(int fd, short events, int timeout_ms) {
  pollfd poll_fd{fd, events, 0};
  return ::poll(&poll_fd, 1, timeout_ms) == 1;
}

int type_of(const std::string& protocol) { return protocol == "tcp" ? SOCK_STREAM : SOCK_DGRAM; }

}  // namespace

void inside(int netns, const std::function<void()>& work) {
  std::exception_ptr failure;
  std::thread thread([&] {
    try {
      if (::setns(netns, CLONE_NEWNET) != 0) throw std::runtime_error("setns");
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure) std::rethrow_exception(failure);
}

UniqueFd own_netns() { return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

Sandbox::Sandbox() {
  std::thread thread([this] {
    if (::unshare(CLONE_NEWNET) == 0) netns_ = own_netns();
  });
  thread.join();
  if (!netns_) throw std::runtime_error("no network namespace");
}

Server::Server(int netns, const std::string& protocol, std::uint16_t port, int family)
    : stop_(::eventfd(0, EFD_CLOEXEC)) {
  inside(netns, [&] {
    socket_.reset(::socket(family, type_of(protocol) | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = 0;
    const SocketAddress address = socket_address(family == AF_INET ? "0.0.0.0" : "::", port, size);
    if (::bind(socket_.get(), &address.any, size) != 0) throw std::runtime_error("bind");
    if (protocol == "tcp" && ::listen(socket_.get(), 8) != 0) throw std::runtime_error("listen");
  });
  thread_ = std::thread([this, tcp = protocol == "tcp"] { tcp ? serve_tcp() : serve_udp(); });
}

Server::~Server() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void Server::serve_tcp() {
  while (true) {
    std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    SocketAddress peer{};
    socklen_t size = sizeof peer;
    const UniqueFd client(::accept4(socket_.get(), &peer.any, &size, SOCK_CLOEXEC));
    const std::string text = text_of(peer);
    [[maybe_unused]] const auto sent = ::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
}

void Server::serve_udp() {
  while (true) {
    std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    SocketAddress peer{};
    socklen_t size = sizeof peer;
    std::array<char, 64> buffer{};
    if (::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, &peer.any, &size) < 0) continue;
    const std::string text = text_of(peer);
    ::sendto(socket_.get(), text.data(), text.size(), 0, &peer.any, size);
  }
}

std::optional<std::string> ask(int netns, const std::string& protocol, const std::string& address, std::uint16_t port,
                               int timeout_ms) {
  std::optional<std::string> answer;
  inside(netns, [&] {
    socklen_t size = 0;
    const SocketAddress target = socket_address(address, port, size);
    const UniqueFd client(::socket(target.any.sa_family, type_of(protocol) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), &target.any, size) != 0 && errno != EINPROGRESS) return;
    if (protocol == "udp") {
      if (::send(client.get(), "?", 1, 0) != 1) return;
    } else if (!wait_for(client.get(), POLLOUT, timeout_ms)) {
      return;
    }
    std::array<char, 64> buffer{};
    if (!wait_for(client.get(), POLLIN, timeout_ms)) return;
    const ssize_t length = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    if (length > 0) answer = std::string(buffer.data(), static_cast<std::size_t>(length));
  });
  return answer;
}

bool can_listen(const std::string& address, std::uint16_t port) {
  socklen_t size = 0;
  const SocketAddress target = socket_address(address, port, size);
  const UniqueFd sock(::socket(target.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(sock.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(sock.get(), &target.any, size) == 0 && ::listen(sock.get(), 1) == 0;
}

}  // namespace gantry::bridge::test
