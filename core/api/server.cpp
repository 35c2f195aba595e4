#include "api/server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "api/wakeup.hpp"
#include "base/file.hpp"

namespace gantry::api {

struct Server::State {
  State(asio::io_context& io, const Router& routes, Limits bounds) : context(io), router(routes), limits(bounds) {}

  asio::io_context& context;
  const Router& router;
  const Limits limits;
  Refuse refuse;
  bool stopping{};
  std::size_t large_headers{};
  Wakeup connection_ended;
  std::list<std::weak_ptr<Connection>> connections;

  struct Acceptor {
    Acceptor(asio::io_context& io, Listener from)
        : listener(std::move(from)), descriptor(io, ::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0)) {}
    Listener listener;
    asio::posix::stream_descriptor descriptor;
  };
  std::list<std::shared_ptr<Acceptor>> acceptors;
};

namespace {

/// Before any request was read.
void send_refusal(int fd, const std::string& status, const std::string& why) {
  const std::string text = "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" +
                           nlohmann::json{{"message", why}}.dump() + "\n";
  static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

Socket adopt(asio::io_context& context, UniqueFd fd) {
  int family = AF_UNIX;
  socklen_t size = sizeof(family);
  ::getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  }
  Socket socket{context};
  socket.assign(asio::generic::stream_protocol{family, family == AF_UNIX ? 0 : IPPROTO_TCP}, fd.get());
  static_cast<void>(fd.release());
  return socket;
}

template <class State>
awaitable<void> serve(std::shared_ptr<State> state, std::shared_ptr<Connection> connection) {
  const auto place = state->connections.insert(state->connections.end(), connection);
  co_await Connection::run(std::move(connection));
  state->connections.erase(place);
  state->connection_ended.notify();
}

template <class State>
void welcome(const std::shared_ptr<State>& state, const Listener& listener, UniqueFd fd) {
  if (state->connections.size() >= state->limits.connections) {
    spdlog::warn("api: {} connections are open: refused one more on {}", state->connections.size(), listener.address());
    send_refusal(fd.get(), "503 Service Unavailable", "too many connections");
    return;
  }
  Socket socket = adopt(state->context, std::move(fd));
  auto transport = listener.tls ? listener.tls->wrap(std::move(socket)) : plain_transport(std::move(socket));
  auto connection = std::make_shared<Connection>(std::move(transport), state->router, state->limits,
                                                 state->large_headers, state->context.get_executor());
  asio::co_spawn(state->context, serve(state, std::move(connection)), asio::detached);
}

/// Whether a connection is closed at once, as its peer is nobody to be served.
template <class State>
bool is_refused(const State& state, const Listener& listener, int fd, const sockaddr_storage& peer) {
  if (!state.refuse || peer.ss_family == AF_UNIX) return false;
  const std::string why = state.refuse(peer);
  if (why.empty()) return false;
  spdlog::debug("api: refused on {}: {}", listener.address(), why);
  // What is not TLS only confuses a client that expects it.
  if (!listener.tls) send_refusal(fd, "403 Forbidden", why);
  return true;
}

template <class State, class Acceptor>
awaitable<void> accept(std::shared_ptr<State> state, std::shared_ptr<Acceptor> acceptor) {
  asio::steady_timer pause{state->context};
  while (!state->stopping) {
    boost::system::error_code failed;
    co_await acceptor->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                             asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    for (;;) {
      sockaddr_storage peer{};
      socklen_t size = sizeof peer;
      UniqueFd fd{
          ::accept4(acceptor->listener.fd(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (fd) {
        if (!is_refused(*state, acceptor->listener, fd.get(), peer)) welcome(state, acceptor->listener, std::move(fd));
        continue;
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      // Out of descriptors or memory: those who wait are served when some are free again.
      spdlog::error("api: cannot accept on {}: errno {}", acceptor->listener.address(), errno);
      pause.expires_after(std::chrono::milliseconds{100});
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
      break;
    }
  }
}

}  // namespace

Server::Server(asio::io_context& context, const Router& router, Limits limits)
    : state_(std::make_shared<State>(context, router, limits)) {}

Server::~Server() {
  stop_accepting();
  for (const auto& weak : state_->connections) {
    if (const auto connection = weak.lock()) connection->close();
  }
}

void Server::refuse(Refuse refuse) { state_->refuse = std::move(refuse); }

void Server::listen(Listener listener) {
  const auto acceptor = std::make_shared<State::Acceptor>(state_->context, std::move(listener));
  state_->acceptors.push_back(acceptor);
  asio::co_spawn(state_->context, accept(state_, acceptor), asio::detached);
}

void Server::stop_accepting() {
  state_->stopping = true;
  for (const auto& acceptor : state_->acceptors) acceptor->descriptor.close();
  state_->acceptors.clear();
}

awaitable<void> Server::stop(std::chrono::milliseconds grace) {
  const auto state = state_;
  stop_accepting();
  const auto open = state->connections;
  for (const auto& weak : open) {
    if (const auto connection = weak.lock()) connection->finish();
  }
  const auto end = std::chrono::steady_clock::now() + grace;
  asio::steady_timer timer{state->context, end};
  timer.async_wait([state](const boost::system::error_code&) { state->connection_ended.notify(); });
  while (!state->connections.empty() && std::chrono::steady_clock::now() < end) co_await state->connection_ended.wait();
  const auto left = state->connections;
  for (const auto& weak : left) {
    if (const auto connection = weak.lock()) connection->close();
  }
  while (!state->connections.empty()) co_await state->connection_ended.wait();
}

std::size_t Server::connections() const { return state_->connections.size(); }

}  // namespace gantry::api
