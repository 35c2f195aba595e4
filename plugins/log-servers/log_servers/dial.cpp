#include "log_servers/dial.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "gantry/error.hpp"

namespace gantry::log_servers {

namespace {

[[noreturn]] void fail(const std::string& reason) { throw Error{Errc::unavailable, reason}; }

/// connect(2), which by itself waits for minutes for a host that does not answer. Reads are bounded from then on: what
/// is read is a handshake or a receipt.
bool connect_in_time(int socket, const addrinfo& to) {
  const timeval limit{10, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(socket, to.ai_addr, to.ai_addrlen) != 0) {
    if (errno == EINPROGRESS) errno = ETIMEDOUT;
    return false;
  }
  const timeval none{0, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
  return true;
}

[[noreturn]] void refuse(const std::string& reason) { throw Error{Errc::invalid, reason}; }

}  // namespace

HostPort split_host_port(const std::string& text) {
  HostPort out;
  std::size_t colon = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) refuse("address " + text + ": missing ']' in address");
    out.host = text.substr(1, end - 1);
    colon = end + 1 < text.size() && text[end + 1] == ':' ? end + 1 : std::string::npos;
  } else {
    if (colon != text.rfind(':')) refuse("address " + text + ": too many colons in address");
    out.host = text.substr(0, colon);
  }
  if (colon != std::string::npos) out.port = text.substr(colon + 1);
  return out;
}

UniqueFd dial(const std::string& protocol, const HostPort& to) {
  addrinfo hints{};
  hints.ai_socktype = protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
  addrinfo* found = nullptr;
  const char* const node = to.host.empty() ? nullptr : to.host.c_str();  // none: this machine
  const std::string where = "dial " + protocol + " " + to.host + ":" + to.port + ": ";
  if (const int error = ::getaddrinfo(node, to.port.c_str(), &hints, &found); error != 0) {
    fail(where + "lookup " + to.host + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{found, &::freeaddrinfo};
  int error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    UniqueFd socket{::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol)};
    if (socket && connect_in_time(socket.get(), *one)) return socket;
    error = errno;
  }
  fail(where + "connect: " + error_text(error));
}

UniqueFd try_unix(const std::string& path, int type) {
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

UniqueFd dial_unix(const std::string& protocol, const std::string& path, int type) {
  UniqueFd socket = try_unix(path, type);
  if (!socket) fail("dial " + protocol + " " + path + ": connect: " + error_text(errno));
  return socket;
}

bool send_whole(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::string error_text(int number) {
  std::string text = std::strerror(number);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

}  // namespace gantry::log_servers
