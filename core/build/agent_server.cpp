#include "build/agent_server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <system_error>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

/// Commands may connect as often as they like, and each connection is a file of the daemon's.
constexpr std::size_t kMostClients = 256;

// The SSH agent protocol (draft-miller-ssh-agent): what may be asked, and the refusal of all else.
constexpr char kListKeys = 11;
constexpr char kSign = 13;
constexpr std::string_view kRefusal{"\5", 1};
constexpr std::size_t kLongestMessage = std::size_t{256} << 10;

std::string framed(std::string_view message) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(message.size() >> shift & 0xff);
  return out.append(message);
}

int socket_option(int socket, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

AgentServer::AgentServer(asio::any_io_executor io, UniqueFd listener, std::shared_ptr<AgentLine> line)
    : io_(std::move(io)), listener_(std::move(listener)), line_(std::move(line)) {
  if (socket_option(listener_.get(), SO_DOMAIN) != AF_UNIX || socket_option(listener_.get(), SO_TYPE) != SOCK_STREAM ||
      socket_option(listener_.get(), SO_ACCEPTCONN) != 1) {
    throw Error{Errc::invalid, "an agent is served on a unix socket that listens"};
  }
}

AgentServer::~AgentServer() { stop(); }

void AgentServer::start() {
  try {
    accepting_ = std::thread{[this, self = weak_from_this()] {
      accept(self);
      ended_ = true;
    }};
  } catch (const std::system_error& error) {
    throw Error{Errc::exhausted, std::string{"no thread to serve an agent: "} + error.what()};
  }
}

void AgentServer::stop() {
  // Wakes up who accepts, also where that blocks.
  ::shutdown(listener_.get(), SHUT_RDWR);
  if (accepting_.joinable()) accepting_.join();
  boost::system::error_code ignored;
  for (auto& [number, socket] : clients_) socket.close(ignored);
}

void AgentServer::accept(const std::weak_ptr<AgentServer>& self) {
  for (;;) {
    pollfd event{listener_.get(), POLLIN | POLLRDHUP, 0};
    ::poll(&event, 1, -1);
    if ((event.revents & ~POLLIN) != 0) return;
    UniqueFd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!client) {
      if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    if (open_ == kMostClients) continue;
    ++open_;
    asio::post(io_, [self, client = std::move(client)]() mutable {
      if (const auto server = self.lock()) server->take(std::move(client));
    });
  }
}

void AgentServer::take(UniqueFd client) {
  const std::size_t number = next_++;
  Socket& socket = clients_.try_emplace(number, io_).first->second;
  boost::system::error_code failed;
  socket.assign(asio::local::stream_protocol{}, client.get(), failed);
  if (!failed) static_cast<void>(client.release());
  asio::co_spawn(io_, serve(socket), [self = shared_from_this(), number](std::exception_ptr) {
    self->clients_.erase(number);
    --self->open_;
  });
}

awaitable<void> AgentServer::serve(Socket& socket) {
  std::array<unsigned char, 4> head{};
  for (;;) {
    boost::system::error_code failed;
    co_await asio::async_read(socket, asio::buffer(head), asio::redirect_error(asio::use_awaitable, failed));
    const std::size_t size =
        std::size_t{head[0]} << 24 | std::size_t{head[1]} << 16 | std::size_t{head[2]} << 8 | std::size_t{head[3]};
    if (failed || size == 0 || size > kLongestMessage) co_return;
    std::string message(size, '\0');
    co_await asio::async_read(socket, asio::buffer(message), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    std::string answer{kRefusal};
    if (message.front() == kListKeys || message.front() == kSign) answer = co_await line_->ask(std::move(message));
    const std::string whole = framed(answer);
    co_await asio::async_write(socket, asio::buffer(whole), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
  }
}

}  // namespace gantry::build
