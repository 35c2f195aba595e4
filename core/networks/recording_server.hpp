#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "networks/dns_message.hpp"
#include "networks/namespace_thread.hpp"

namespace gantry::networks {

inline dns::Bytes query_for(const std::vector<std::string>& labels, dns::Type type) {
  dns::Bytes out{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
  for (const std::string& label : labels) {
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
  }
  out.insert(out.end(), {0, 0, static_cast<std::uint8_t>(type), 0, 1});
  return out;
}

/// A name server of the test's that keeps what it is asked, by UDP and TCP; empty answers are not sent.
class RecordingServer {
 public:
  using Reply = std::function<std::vector<dns::Bytes>(const dns::Bytes& query, const dns::Query& parsed, bool tcp)>;

  /// `netns`: where; -1 is the test's own network namespace.
  RecordingServer(NamespaceThread& namespaces, int netns, const std::string& address, Reply reply)
      : reply_(std::move(reply)), stop_(::eventfd(0, EFD_CLOEXEC)) {
    const auto open = [&] {
      udp_ = listen_at(address, SOCK_DGRAM);
      tcp_ = listen_at(address, SOCK_STREAM);
    };
    if (netns < 0) open();
    if (netns >= 0) namespaces.run(netns, open);
    thread_ = std::thread([this] { serve(); });
  }
  ~RecordingServer() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
  }
  RecordingServer(const RecordingServer&) = delete;
  RecordingServer& operator=(const RecordingServer&) = delete;

  /// The names that were asked for, "example.org" by UDP and "example.org/tcp".
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  static Reply with_address(const std::string& address) {
    return [address](const dns::Bytes& query, const dns::Query& parsed, bool) {
      return std::vector<dns::Bytes>{dns::address_answer(query, parsed, {address})};
    };
  }
  static Reply with_code(dns::Rcode code) {
    return [code](const dns::Bytes& query, const dns::Query& parsed, bool) {
      return std::vector<dns::Bytes>{dns::empty_answer(query, parsed, code)};
    };
  }

 private:
  static UniqueFd listen_at(const std::string& address, int type) {
    const bool ipv6 = address.find(':') != std::string::npos;
    UniqueFd out(::socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in at4{};
    at4.sin_family = AF_INET;
    at4.sin_port = htons(53);
    sockaddr_in6 at6{};
    at6.sin6_family = AF_INET6;
    at6.sin6_port = htons(53);
    if (ipv6) ::inet_pton(AF_INET6, address.c_str(), &at6.sin6_addr);
    if (!ipv6) ::inet_pton(AF_INET, address.c_str(), &at4.sin_addr);
    const auto* at = ipv6 ? reinterpret_cast<sockaddr*>(&at6) : reinterpret_cast<sockaddr*>(&at4);
    const int on = 1;
    ::setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(out.get(), SOL_IP, IP_FREEBIND, &on, sizeof on);
    EXPECT_EQ(::bind(out.get(), at, ipv6 ? sizeof at6 : sizeof at4), 0) << address;
    if (type == SOCK_STREAM && ::listen(out.get(), 8) != 0) ADD_FAILURE() << address;
    return out;
  }

  void serve() {
    pollfd ready[3] = {{stop_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
    while (::poll(ready, 3, -1) > 0 && ready[0].revents == 0) {
      if (ready[1].revents != 0) serve_datagram();
      if (ready[2].revents != 0) serve_connection();
    }
  }

  std::vector<dns::Bytes> answers_to(const dns::Bytes& query, bool tcp) {
    const auto parsed = dns::parse_query(query);
    if (!parsed) return {};
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(parsed->name + (tcp ? "/tcp" : ""));
    }
    return reply_(query, *parsed, tcp);
  }

  void serve_datagram() {
    dns::Bytes query(512);
    sockaddr_storage client{};
    socklen_t size = sizeof client;
    auto* peer = reinterpret_cast<sockaddr*>(&client);
    const ssize_t length = ::recvfrom(udp_.get(), query.data(), query.size(), 0, peer, &size);
    query.resize(static_cast<std::size_t>(length < 0 ? 0 : length));
    for (const dns::Bytes& answer : answers_to(query, false)) {
      ::sendto(udp_.get(), answer.data(), answer.size(), 0, peer, size);
    }
  }

  void serve_connection() {
    const UniqueFd client(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::uint8_t length[2] = {0, 0};
    if (::recv(client.get(), length, sizeof length, MSG_WAITALL) != 2) return;
    dns::Bytes query(std::size_t{length[0]} << 8 | length[1]);
    if (::recv(client.get(), query.data(), query.size(), MSG_WAITALL) != static_cast<ssize_t>(query.size())) return;
    for (dns::Bytes answer : answers_to(query, true)) {
      const std::size_t size = answer.size();
      answer.insert(answer.begin(), {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size & 0xff)});
      ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  Reply reply_;
  UniqueFd stop_;
  UniqueFd udp_;
  UniqueFd tcp_;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

/// Connected, as glibc's stub resolver asks; in the calling thread's network namespace.
inline UniqueFd connect_to_resolver(int type) {
  UniqueFd client(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(53);
  ::inet_pton(AF_INET, "127.0.0.11", &server.sin_addr);
  if (::connect(client.get(), reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) client.reset();
  return client;
}

/// Empty if there is no answer.
inline dns::Bytes ask_with(int client, const dns::Bytes& query, int type, int timeout_ms = 3000) {
  dns::Bytes framed = query;
  if (type == SOCK_STREAM) framed.insert(framed.begin(), {0, static_cast<std::uint8_t>(query.size())});
  if (::send(client, framed.data(), framed.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(framed.size())) return {};
  pollfd ready{client, POLLIN, 0};
  if (::poll(&ready, 1, timeout_ms) != 1) return {};
  dns::Bytes answer(65536);
  const ssize_t size = ::recv(client, answer.data(), answer.size(), 0);
  answer.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  if (type == SOCK_STREAM && answer.size() > 2) answer.erase(answer.begin(), answer.begin() + 2);
  return answer;
}

/// What 127.0.0.11, port 53, answers inside of the sandbox.
inline dns::Bytes ask_inside(NamespaceThread& namespaces, int netns, const dns::Bytes& query, int type,
                             int timeout_ms = 3000) {
  UniqueFd client;
  namespaces.run(netns, [&] { client = connect_to_resolver(type); });
  return client ? ask_with(client.get(), query, type, timeout_ms) : dns::Bytes{};
}

}  // namespace gantry::networks
