#include "networks/resolver.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "networks/dns_message.hpp"

namespace gantry::networks {
namespace {

using asio::ip::tcp;
using asio::ip::udp;

constexpr std::size_t kMaxQuestions = 256;   // under way at a time, for one container
constexpr std::size_t kMaxConnections = 32;  // by TCP, for one container
constexpr auto kIdleTime = std::chrono::seconds(10);
constexpr std::size_t kMaxQuery = 4096;

}  // namespace

struct Resolver::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor on, ResolverSockets sockets, NameSource source, std::vector<NameServer> servers,
        OpenInside open_inside)
      : executor(on),
        datagrams(on, udp::v4(), sockets.udp.release()),
        connections(on, tcp::v4(), sockets.tcp.release()),
        names(std::move(source)),
        outside(std::make_shared<NameServers>(std::move(servers), std::move(open_inside))) {}

  asio::any_io_executor executor;
  udp::socket datagrams;
  tcp::acceptor connections;
  NameSource names;
  std::shared_ptr<NameServers> outside;
  std::size_t questions = 0;
  std::size_t clients = 0;
  bool stopped = false;

  awaitable<void> serve_datagrams();
  awaitable<void> answer_datagram(dns::Bytes query, udp::endpoint client);
  awaitable<void> serve_connections();
  awaitable<void> serve_connection(tcp::socket client);
  awaitable<dns::Bytes> answer(dns::Bytes query, bool tcp);
  std::optional<dns::Bytes> own_answer(const dns::Bytes& query, const dns::Query& parsed) const;
};

/// What the containers' names say; nothing if the question is not about them.
std::optional<dns::Bytes> Resolver::State::own_answer(const dns::Bytes& query, const dns::Query& parsed) const {
  if (parsed.type == static_cast<std::uint16_t>(dns::Type::ptr)) {
    const auto address = dns::reverse_address(parsed.name);
    const auto name = address ? names.reverse(*address) : std::nullopt;
    if (!name) return std::nullopt;
    return dns::pointer_answer(query, parsed, *name);
  }
  const auto found = names.forward(parsed.name);
  if (!found) return std::nullopt;
  if (parsed.type == static_cast<std::uint16_t>(dns::Type::a)) return dns::address_answer(query, parsed, found->ipv4);
  if (parsed.type == static_cast<std::uint16_t>(dns::Type::aaaa)) {
    return dns::address_answer(query, parsed, found->ipv6);
  }
  // The name is ours, whatever else is asked about it.
  return dns::empty_answer(query, parsed, dns::Rcode::no_error);
}

/// Empty for what deserves no answer.
awaitable<dns::Bytes> Resolver::State::answer(dns::Bytes query, bool tcp) {
  if (stopped) co_return dns::Bytes{};  // what the names refer to may be gone
  const auto parsed = dns::parse_query(query);
  if (!parsed) {
    const auto id = dns::parse_id(query);
    dns::Bytes refusal;
    if (id) refusal = dns::bare_error(*id, dns::Rcode::format_error);
    co_return refusal;
  }
  if (const auto own = own_answer(query, *parsed)) {
    if (tcp) co_return *own;
    co_return dns::fit(*own, parsed->question_end, parsed->udp_limit);
  }
  if (questions >= kMaxQuestions) co_return dns::empty_answer(query, *parsed, dns::Rcode::refused);
  ++questions;
  dns::Bytes answer = co_await outside->ask(query, tcp, names.outside());
  --questions;
  if (answer.empty()) co_return dns::empty_answer(query, *parsed, dns::Rcode::server_failure);
  if (!tcp) answer = dns::fit(std::move(answer), parsed->question_end, parsed->udp_limit);
  co_return answer;
}

awaitable<void> Resolver::State::serve_datagrams() {
  const auto self = shared_from_this();
  dns::Bytes buffer(kMaxQuery);
  while (!stopped) {
    boost::system::error_code error;
    udp::endpoint client;
    const std::size_t size = co_await datagrams.async_receive_from(asio::buffer(buffer), client,
                                                                   asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || stopped) co_return;
    if (error) continue;  // a client's port was closed: the kernel tells the socket
    dns::Bytes query(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    asio::co_spawn(executor, answer_datagram(std::move(query), client), asio::detached);
  }
}

awaitable<void> Resolver::State::answer_datagram(dns::Bytes query, udp::endpoint client) {
  const auto self = shared_from_this();
  const dns::Bytes bytes = co_await answer(std::move(query), false);
  if (bytes.empty() || stopped) co_return;
  boost::system::error_code ignored;
  co_await datagrams.async_send_to(asio::buffer(bytes), client, asio::redirect_error(asio::use_awaitable, ignored));
}

awaitable<void> Resolver::State::serve_connections() {
  const auto self = shared_from_this();
  while (!stopped) {
    boost::system::error_code error;
    tcp::socket client = co_await connections.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || stopped) co_return;
    if (error || clients >= kMaxConnections) continue;
    asio::co_spawn(executor, serve_connection(std::move(client)), asio::detached);
  }
}

awaitable<void> Resolver::State::serve_connection(tcp::socket accepted) {
  const auto self = shared_from_this();
  // Shared with the timer's handler, which may already be on its way when this coroutine ends.
  const auto client = std::make_shared<tcp::socket>(std::move(accepted));
  ++clients;
  boost::system::error_code error;
  while (!error && !stopped) {
    asio::steady_timer timer(executor, kIdleTime);
    timer.async_wait([client](const boost::system::error_code& cancelled) {
      boost::system::error_code ignored;
      if (!cancelled) client->close(ignored);
    });
    std::array<std::uint8_t, 2> length{};
    co_await asio::async_read(*client, asio::buffer(length), asio::redirect_error(asio::use_awaitable, error));
    dns::Bytes query(std::size_t{length[0]} << 8 | length[1]);
    if (error || query.size() > kMaxQuery) break;
    co_await asio::async_read(*client, asio::buffer(query), asio::redirect_error(asio::use_awaitable, error));
    timer.cancel();
    if (error) break;
    const dns::Bytes bytes = co_await answer(std::move(query), true);
    if (bytes.empty() || stopped) break;
    dns::Bytes framed{static_cast<std::uint8_t>(bytes.size() >> 8), static_cast<std::uint8_t>(bytes.size() & 0xff)};
    framed.insert(framed.end(), bytes.begin(), bytes.end());
    co_await asio::async_write(*client, asio::buffer(framed), asio::redirect_error(asio::use_awaitable, error));
  }
  --clients;
}

Resolver::Resolver(asio::any_io_executor executor, ResolverSockets sockets, NameSource names,
                   std::vector<NameServer> servers, OpenInside open_inside)
    : state_(std::make_shared<State>(executor, std::move(sockets), std::move(names), std::move(servers),
                                     std::move(open_inside))) {
  asio::co_spawn(executor, state_->serve_datagrams(), asio::detached);
  asio::co_spawn(executor, state_->serve_connections(), asio::detached);
}

Resolver::~Resolver() {
  state_->stopped = true;
  boost::system::error_code ignored;
  state_->datagrams.close(ignored);
  state_->connections.close(ignored);
  state_->outside->stop();
}

}  // namespace gantry::networks
