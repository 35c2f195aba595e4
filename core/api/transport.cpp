#include "api/transport.hpp"

#include <boost/asio/write.hpp>

#include "gantry/error.hpp"

namespace gantry::api {

namespace {

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

  awaitable<void> close_write() override {
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    co_return;
  }

  awaitable<void> hung_up() override {
    boost::system::error_code ignored;
    co_await socket_.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, ignored));
  }

  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
};

}  // namespace

std::shared_ptr<Transport> plain_transport(Socket socket) {
  return std::make_shared<PlainTransport>(std::move(socket));
}

}  // namespace gantry::api
