#include "server.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "gantry/error.hpp"

namespace gantry::log_syslog {

namespace {

constexpr const char* kLocalPaths[] = {"/dev/log", "/var/run/syslog", "/var/run/log"};

[[noreturn]] void fail(const std::string& reason) { throw Error{Errc::unavailable, reason}; }

std::string error_text(int number) {
  std::string text = std::strerror(number);
  std::transform(text.begin(), text.begin() + 1, text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return text;
}

UniqueFd connect_unix(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return socket;
}

UniqueFd connect_local() {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    for (const char* path : kLocalPaths) {
      if (UniqueFd socket = connect_unix(path, type)) return socket;
    }
  }
  fail("Unix syslog delivery error");
}

UniqueFd connect_network(const Address& to) {
  addrinfo hints{};
  hints.ai_socktype = to.protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string where =
      "dial " + std::string(to.protocol == "udp" ? "udp" : "tcp") + " " + to.place + ":" + to.port + ": ";
  if (const int error = ::getaddrinfo(to.place.c_str(), to.port.c_str(), &hints, &found); error != 0) {
    fail(where + "lookup " + to.place + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{found, &::freeaddrinfo};
  int error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    UniqueFd socket{::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol)};
    if (socket && ::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) return socket;
    error = errno;
  }
  fail(where + "connect: " + error_text(error));
}

}  // namespace

void Server::connect() {
  tls_.reset();
  socket_.reset();
  if (address_.protocol == kTls) {
    tls_.emplace(connect_network(address_), address_.place, tls_settings_);
  } else if (address_.protocol == "local") {
    socket_ = connect_local();
  } else if (address_.protocol == "udp" || address_.protocol == "tcp") {
    socket_ = connect_network(address_);
  } else {
    socket_ = connect_unix(address_.place, address_.protocol == "unix" ? SOCK_STREAM : SOCK_DGRAM);
    if (!socket_) {
      fail("dial " + address_.protocol + " " + address_.place + ": connect: " + error_text(errno));
    }
  }
}

bool Server::try_send(std::string_view message) {
  if (tls_) return tls_->send(message);
  while (!message.empty()) {
    const ssize_t count = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    message.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Server::send(std::string_view message) {
  if (connected() && try_send(message)) return;
  connect();
  if (!try_send(message)) fail("cannot send to the syslog server: " + error_text(errno));
}

}  // namespace gantry::log_syslog
