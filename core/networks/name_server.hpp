#pragma once

#include <boost/asio/ip/address.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "gantry/unique_fd.hpp"
#include "networks/dns_message.hpp"

namespace gantry::networks {

/// A server that is asked for what is no container's name.
struct NameServer {
  std::string address;
  /// Of the host's own choice (its resolv.conf), so asked as the host asks it; else it is what a user of the container
  /// would reach under that address.
  bool on_host{};
};

/// Opens a socket in a container's network namespace, non-blocking. Errors: io (the container is gone).
using OpenInside = std::function<awaitable<UniqueFd>(int family, int type)>;

/// The servers outside, as one container asks them. Io thread.
class NameServers : public std::enable_shared_from_this<NameServers> {
 public:
  NameServers(std::vector<NameServer> servers, OpenInside open_inside);

  /// Asks one server after the other until one answers, and not that it fails or refuses; nothing if none does. `tcp`:
  /// for clients that came by TCP, whose answers may be long; one that came by UDP gets the truncated answer and comes
  /// again. `way_out`: whether those on the host may be asked.
  awaitable<dns::Bytes> ask(dns::Bytes query, bool tcp, bool way_out);

  /// Ends what is under way, as the container is gone: an open socket would keep its network namespace.
  void stop();

 private:
  template <class Socket>
  class Attempt;

  awaitable<dns::Bytes> ask_one(NameServer server, dns::Bytes query, bool tcp);
  awaitable<UniqueFd> open(bool on_host, int family, int type);
  awaitable<dns::Bytes> ask_by_udp(UniqueFd opened, asio::ip::address server, dns::Bytes query);
  awaitable<dns::Bytes> ask_by_tcp(UniqueFd opened, asio::ip::address server, dns::Bytes query);

  std::vector<NameServer> servers_;
  OpenInside open_inside_;
  std::list<std::function<void()>> under_way_;  ///< Each closes a socket.
  bool stopped_ = false;
};

}  // namespace gantry::networks
