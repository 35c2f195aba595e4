#include "api/transport.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "gantry/error.hpp"

namespace gantry::api {

namespace {

constexpr std::chrono::microseconds kTakenPause{500};
constexpr int kTakenTries = 100;

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {}

  awaitable<void> handshake() override { co_return; }

  awaitable<std::size_t> read(asio::mutable_buffer buffer) override {
    boost::system::error_code failed;
    co_return co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, failed));
  }

  awaitable<void> write(std::string_view bytes) override {
    boost::system::error_code failed;
    co_await asio::async_write(socket_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) throw Error{Errc::io, "cannot write to the client: " + failed.message()};
  }

  awaitable<void> taken() override {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    boost::system::error_code ignored;
    for (int tries = 0; tries < kTakenTries && unread() > 0; ++tries) {
      timer.expires_after(kTakenPause);
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  awaitable<void> close_write() override {
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    co_return;
  }

  awaitable<void> hung_up() override {
    boost::system::error_code ignored;
    co_await socket_.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, ignored));
  }

  [[nodiscard]] std::optional<PeerProcess> peer() const override {
    // An asio socket hands out its descriptor from a non-const one only.
    const int fd = const_cast<Socket&>(socket_).native_handle();
    ucred identity{};
    socklen_t size = sizeof identity;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &identity, &size) != 0 || identity.pid == 0) return {};
    PeerProcess out{identity.pid, identity.uid, identity.gid, std::vector<gid_t>(65536)};
    size = static_cast<socklen_t>(out.groups.size() * sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out.groups.data(), &size) != 0) return {};
    out.groups.resize(size / sizeof(gid_t));
    return out;
  }

  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  // Of a UNIX socket; of others it is unknown.
  int unread() {
    int bytes = 0;
    const bool is_unix = socket_.is_open() && socket_.local_endpoint().protocol().family() == AF_UNIX;
    return is_unix && ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
  }

  Socket socket_;
};

}  // namespace

std::shared_ptr<Transport> plain_transport(Socket socket) {
  return std::make_shared<PlainTransport>(std::move(socket));
}

}  // namespace gantry::api
