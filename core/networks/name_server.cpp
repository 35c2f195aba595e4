#include "networks/name_server.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "base/file.hpp"

namespace gantry::networks {
namespace {

using asio::ip::tcp;
using asio::ip::udp;

constexpr auto kServerTime = std::chrono::seconds(4);  // as dockerd's resolver waits
constexpr std::size_t kMaxServers = 3;                 // as resolv.conf(5) has it
constexpr std::uint16_t kPort = 53;
constexpr const char* kOwnAddress = "127.0.0.11";

template <class Protocol>
Protocol family_of(const asio::ip::address& address) {
  return address.is_v6() ? Protocol::v6() : Protocol::v4();
}

}  // namespace

/// A question on its way to a server. Its socket is closed when that takes too long or the container is gone; it is
/// shared, since the timer's handler may already be on its way when the question ends.
template <class Socket>
class NameServers::Attempt {
 public:
  Attempt(NameServers& owner, asio::any_io_executor executor, typename Socket::protocol_type protocol, UniqueFd opened)
      : owner_(owner),
        socket_(std::make_shared<Socket>(executor)),
        timer_(executor, kServerTime),
        entry_(owner.under_way_.insert(owner.under_way_.end(), [socket = socket_] { close(*socket); })) {
    boost::system::error_code error;  // shows at the first use
    socket_->assign(protocol, opened.get(), error);
    if (!error) static_cast<void>(opened.release());
    timer_.async_wait([socket = socket_](const boost::system::error_code& cancelled) {
      if (!cancelled) close(*socket);
    });
  }
  ~Attempt() { owner_.under_way_.erase(entry_); }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  Socket& socket() { return *socket_; }

 private:
  static void close(Socket& socket) {
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  NameServers& owner_;
  std::shared_ptr<Socket> socket_;
  asio::steady_timer timer_;
  std::list<std::function<void()>>::iterator entry_;
};

NameServers::NameServers(std::vector<NameServer> servers, OpenInside open_inside)
    : servers_(std::move(servers)), open_inside_(std::move(open_inside)) {
  if (servers_.size() > kMaxServers) servers_.resize(kMaxServers);
}

void NameServers::stop() {
  stopped_ = true;
  for (const auto& close : under_way_) close();
}

awaitable<UniqueFd> NameServers::open(bool on_host, int family, int type) {
  if (!on_host) co_return co_await open_inside_(family, type);
  UniqueFd opened(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!opened) throw_errno("open a socket for a name server");
  co_return opened;
}

awaitable<dns::Bytes> NameServers::ask_by_udp(UniqueFd opened, asio::ip::address server, dns::Bytes query) {
  const auto executor = co_await asio::this_coro::executor;
  Attempt<udp::socket> attempt(*this, executor, family_of<udp>(server), std::move(opened));
  boost::system::error_code error;
  attempt.socket().connect(udp::endpoint(server, kPort), error);
  if (error) co_return dns::Bytes{};
  co_await attempt.socket().async_send(asio::buffer(query), asio::redirect_error(asio::use_awaitable, error));
  dns::Bytes answer(65535);
  while (!error) {
    const std::size_t size =
        co_await attempt.socket().async_receive(asio::buffer(answer), asio::redirect_error(asio::use_awaitable, error));
    if (error || !dns::answers(dns::View(answer.data(), size), query)) continue;
    answer.resize(size);
    co_return answer;
  }
  co_return dns::Bytes{};
}

awaitable<dns::Bytes> NameServers::ask_by_tcp(UniqueFd opened, asio::ip::address server, dns::Bytes query) {
  const auto executor = co_await asio::this_coro::executor;
  Attempt<tcp::socket> attempt(*this, executor, family_of<tcp>(server), std::move(opened));
  tcp::socket& socket = attempt.socket();
  boost::system::error_code error;
  dns::Bytes framed{static_cast<std::uint8_t>(query.size() >> 8), static_cast<std::uint8_t>(query.size() & 0xff)};
  framed.insert(framed.end(), query.begin(), query.end());
  std::array<std::uint8_t, 2> length{};
  dns::Bytes answer;
  co_await socket.async_connect(tcp::endpoint(server, kPort), asio::redirect_error(asio::use_awaitable, error));
  if (!error) {
    co_await asio::async_write(socket, asio::buffer(framed), asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error) {
    co_await asio::async_read(socket, asio::buffer(length), asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error) {
    answer.resize(std::size_t{length[0]} << 8 | length[1]);
    co_await asio::async_read(socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, error));
  }
  if (error || !dns::answers(answer, query)) answer.clear();
  co_return answer;
}

/// Empty if it does not answer.
awaitable<dns::Bytes> NameServers::ask_one(NameServer server, dns::Bytes query, bool tcp) {
  boost::system::error_code malformed;
  const auto address = asio::ip::make_address(server.address, malformed);
  // Asked from inside, the resolver's own address would ask itself again and again.
  if (malformed || (!server.on_host && server.address == kOwnAddress)) co_return dns::Bytes{};
  try {
    // A socket of its own for each question: its port is random, which a forger has to guess beside the id.
    UniqueFd opened =
        co_await open(server.on_host, address.is_v6() ? AF_INET6 : AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM);
    if (stopped_) co_return dns::Bytes{};
    if (tcp) co_return co_await ask_by_tcp(std::move(opened), address, std::move(query));
    co_return co_await ask_by_udp(std::move(opened), address, std::move(query));
  } catch (const std::exception&) {
    co_return dns::Bytes{};  // the container is gone, or there are too many open files
  }
}

awaitable<dns::Bytes> NameServers::ask(dns::Bytes query, bool tcp, bool way_out) {
  const auto self = shared_from_this();
  for (const NameServer& server : servers_) {
    // From inside of a network without a way out nobody is reached who is not on it: that asks no one outside.
    if (server.on_host && !way_out) continue;
    NameServer asked = server;
    dns::Bytes answer = co_await ask_one(std::move(asked), query, tcp);
    if (stopped_) break;
    // Both may be of this server only, or pass: the next one may know.
    const dns::Rcode code = dns::rcode(answer);
    if (answer.empty() || code == dns::Rcode::server_failure || code == dns::Rcode::refused) continue;
    co_return answer;
  }
  co_return dns::Bytes{};
}

}  // namespace gantry::networks
