#include "networks/name_server.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

namespace gantry::networks {
namespace {

constexpr auto kServerTime = std::chrono::seconds(4);  // as dockerd's resolver waits
constexpr std::size_t kMaxServers = 3;                 // as resolv.conf(5) has it
constexpr std::uint16_t kPort = 53;

/// Closes a socket that has taken too long; the socket is shared, since the timer's handler may already be on its way.
template <class Socket>
void limit_time(asio::steady_timer& timer, const std::shared_ptr<Socket>& socket) {
  timer.expires_after(kServerTime);
  timer.async_wait([socket](const boost::system::error_code& cancelled) {
    boost::system::error_code ignored;
    if (!cancelled) socket->close(ignored);
  });
}

awaitable<dns::Bytes> ask_by_udp(asio::ip::address server, dns::Bytes query) {
  const auto executor = co_await asio::this_coro::executor;
  const asio::ip::udp::endpoint endpoint(server, kPort);
  // A socket of its own for each question: its port is random, which a forger has to guess beside the id.
  const auto socket = std::make_shared<asio::ip::udp::socket>(executor, endpoint.protocol());
  boost::system::error_code error;
  socket->connect(endpoint, error);
  if (error) co_return dns::Bytes{};
  asio::steady_timer timer(executor);
  limit_time(timer, socket);
  co_await socket->async_send(asio::buffer(query), asio::redirect_error(asio::use_awaitable, error));
  dns::Bytes answer(65535);
  while (!error) {
    const std::size_t size =
        co_await socket->async_receive(asio::buffer(answer), asio::redirect_error(asio::use_awaitable, error));
    if (error || !dns::answers(dns::View(answer.data(), size), query)) continue;
    answer.resize(size);
    timer.cancel();
    co_return answer;
  }
  timer.cancel();
  co_return dns::Bytes{};
}

awaitable<dns::Bytes> ask_by_tcp(asio::ip::address server, dns::Bytes query) {
  const auto executor = co_await asio::this_coro::executor;
  const auto socket = std::make_shared<asio::ip::tcp::socket>(executor);
  asio::steady_timer timer(executor);
  limit_time(timer, socket);
  const asio::ip::tcp::endpoint endpoint(server, kPort);
  boost::system::error_code error;
  dns::Bytes framed{static_cast<std::uint8_t>(query.size() >> 8), static_cast<std::uint8_t>(query.size() & 0xff)};
  framed.insert(framed.end(), query.begin(), query.end());
  std::array<std::uint8_t, 2> length{};
  dns::Bytes answer;
  co_await socket->async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (!error) {
    co_await asio::async_write(*socket, asio::buffer(framed), asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error) {
    co_await asio::async_read(*socket, asio::buffer(length), asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error) {
    answer.resize(std::size_t{length[0]} << 8 | length[1]);
    co_await asio::async_read(*socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, error));
  }
  timer.cancel();
  if (error || !dns::answers(answer, query)) answer.clear();
  co_return answer;
}

}  // namespace

awaitable<dns::Bytes> ask_servers(std::vector<std::string> servers, dns::Bytes query, bool tcp) {
  if (servers.size() > kMaxServers) servers.resize(kMaxServers);
  for (const std::string& text : servers) {
    boost::system::error_code malformed;
    const auto server = asio::ip::make_address(text, malformed);
    if (malformed) continue;
    dns::Bytes answer;
    if (tcp) {
      answer = co_await ask_by_tcp(server, query);
    } else {
      answer = co_await ask_by_udp(server, query);
    }
    if (!answer.empty()) co_return answer;
  }
  co_return dns::Bytes{};
}

}  // namespace gantry::networks
