#include "docker_plugin/exchange.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "docker_plugin/line.hpp"
#include "docker_plugin/tls_line.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::docker_plugin {
namespace {

constexpr std::size_t kLongestAnswer = std::size_t{8} << 20;

[[noreturn]] void fail(const std::string& what) { throw Error{Errc::unavailable, what + ": " + std::strerror(errno)}; }

UniqueFd connected(int family, const sockaddr* address, socklen_t size, const std::string& where, const Call& call) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) fail("socket");
  if (::connect(socket.get(), address, size) == 0) return socket;
  if (errno != EINPROGRESS) fail("dial " + where);
  wait_for(socket.get(), POLLOUT, call);
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  errno = error;
  if (error != 0) fail("dial " + where);
  return socket;
}

UniqueFd dial_unix(const std::string& path, const Call& call) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error{Errc::invalid, path + ": too long for a socket"};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, "unix " + path, call);
}

UniqueFd dial_tcp(const Address& to, const Call& call) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const std::string where = "tcp " + to.host + ":" + to.port;
  if (const int failed = ::getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &raw); failed != 0) {
    throw Error{Errc::unavailable, "dial " + where + ": " + ::gai_strerror(failed)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found{raw, &::freeaddrinfo};
  // A name may have addresses of which only some are listened on: localhost is ::1 first, where there is IPv6.
  for (const addrinfo* at = found.get();; at = at->ai_next) {
    try {
      return connected(at->ai_family, at->ai_addr, at->ai_addrlen, where, call);
    } catch (const Error& error) {
      if (at->ai_next == nullptr || error.code() != Errc::unavailable) throw;
    }
  }
}

std::unique_ptr<Line> connect_to(const Address& address, const Call& call) {
  auto line =
      std::make_unique<PlainLine>(address.path.empty() ? dial_tcp(address, call) : dial_unix(address.path, call), call);
  if (!address.tls) return line;
  return std::make_unique<TlsLine>(std::move(line), address.host, *address.tls);
}

std::string receive_all(Line& line) {
  std::string text;
  std::array<char, 16384> piece{};
  while (const std::size_t got = line.receive(piece)) {
    text.append(piece.data(), got);
    if (text.size() > kLongestAnswer) throw Error{Errc::invalid, "the plugin's answer is too long"};
  }
  return text;
}

}  // namespace

Answer post(const Address& address, const std::string& path, const std::string& body, const Call& call) {
  const auto line = connect_to(address, call);
  // HTTP/1.0: the answer ends with the connection, and comes in no pieces.
  line->send("POST " + path + " HTTP/1.0\r\nHost: plugin\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n" +
             "Content-Type: application/vnd.docker.plugins.v1.2+json\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string text = receive_all(*line);
  const auto head = text.find("\r\n\r\n");
  const bool http = text.starts_with("HTTP/1.") && text.size() > 12 && text[8] == ' ';
  if (!http || head == std::string::npos) throw Error{Errc::invalid, "the plugin's answer is no HTTP"};
  return {std::atoi(text.c_str() + 9), text.substr(head + 4)};
}

}  // namespace gantry::docker_plugin
