#include "client/transport.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "command/failure.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::cli {

namespace {

class SocketTransport : public Transport {
 public:
  explicit SocketTransport(UniqueFd socket) : socket_(std::move(socket)) {}

  std::size_t read(std::span<char> buffer) override {
    for (;;) {
      const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (size >= 0) return static_cast<std::size_t>(size);
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "read from the daemon");
    }
  }

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size < 0) {
        if (errno == EINTR) continue;
        throw std::system_error(errno, std::generic_category(), "write to the daemon");
      }
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  std::size_t write_some(std::string_view bytes) override {
    const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno == EAGAIN || errno == EINTR) return 0;
    throw std::system_error(errno, std::generic_category(), "write to the daemon");
  }

  void close_write() override { ::shutdown(socket_.get(), SHUT_WR); }
  [[nodiscard]] int fd() const override { return socket_.get(); }
  [[nodiscard]] bool has_buffered() const override { return false; }

 private:
  UniqueFd socket_;
};

class SshTransport final : public SocketTransport {
 public:
  explicit SshTransport(std::unique_ptr<SshProcess> process)
      : SocketTransport(UniqueFd{::fcntl(process->fd(), F_DUPFD_CLOEXEC, 0)}), process_(std::move(process)) {}

  std::size_t read(std::span<char> buffer) override {
    try {
      const std::size_t size = SocketTransport::read(buffer);
      if (size == 0) process_->check_end();
      return size;
    } catch (const std::system_error&) {
      // It ended without reading all that was sent.
      process_->check_end();
      throw;
    }
  }
  void write(std::string_view bytes) override {
    try {
      SocketTransport::write(bytes);
    } catch (const std::system_error&) {
      process_->check_end();
      throw;
    }
  }

 private:
  std::unique_ptr<SshProcess> process_;
};

[[noreturn]] void throw_unreachable(const Endpoint& endpoint, int error) {
  if (error == EACCES) {
    throw Failure("permission denied while trying to connect to the gantry daemon socket at " + endpoint.text +
                  ": dial unix " + endpoint.path + ": connect: permission denied");
  }
  throw Failure("Cannot connect to the gantry daemon at " + endpoint.text + ". Is the gantry daemon running?");
}

UniqueFd connect_unix(const Endpoint& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof address.sun_path) {
    throw Failure("unix socket path \"" + endpoint.path + "\" is too long");
  }
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_unreachable(endpoint, errno);
  }
  return socket;
}

UniqueFd connect_tcp(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found);
  if (failed != 0) {
    throw Failure("error during connect: dial tcp: lookup " + endpoint.host + ": " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  int error = 0;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    UniqueFd socket{::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol)};
    if (socket && ::connect(socket.get(), each->ai_addr, each->ai_addrlen) == 0) {
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    error = errno;
  }
  throw_unreachable(endpoint, error);
}

}  // namespace

std::unique_ptr<Transport> connect(const DaemonAddress& address) {
  if (address.endpoint.ssh) return std::make_unique<SshTransport>(std::make_unique<SshProcess>(address.endpoint));
  if (!address.endpoint.path.empty()) return std::make_unique<SocketTransport>(connect_unix(address.endpoint));
  UniqueFd socket = connect_tcp(address.endpoint);
  if (address.tls) return start_tls(socket.release(), address.endpoint.host, *address.tls);
  return std::make_unique<SocketTransport>(std::move(socket));
}

}  // namespace gantry::cli
