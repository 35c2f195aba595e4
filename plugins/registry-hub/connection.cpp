#include "connection.hpp"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "resolver.hpp"
#include "tls_trust.hpp"

namespace hub {
namespace {

using Kind = TransportError::Kind;

constexpr int kConnectLimit = 15'000;
constexpr int kSilenceLimit = 60'000;
constexpr std::size_t kMaxProxyHead = 16384;

/// errno's text as Go has it: lower case.
std::string errno_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

gantry::UniqueFd connect_to(const Address& address, const gantry::Call& call) {
  gantry::UniqueFd fd{::socket(address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) throw TransportError{Kind::unreachable, "dial tcp " + address.text + ": socket: " + errno_text(errno)};
  int error = 0;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) error = errno;
  if (error == EINPROGRESS) {
    if (!wait_for(fd.get(), POLLOUT, kConnectLimit, call)) {
      throw TransportError{Kind::unreachable, "dial tcp " + address.text + ": i/o timeout"};
    }
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0)
    throw TransportError{Kind::unreachable, "dial tcp " + address.text + ": connect: " + errno_text(error)};
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

std::string verify_text(long result, const Url& url) {
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "x509: certificate has expired or is not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return "x509: certificate is not valid for " + url.host;
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "x509: cannot validate certificate for " + url.host + " because it doesn't contain any IP SANs";
    default:
      return "x509: certificate signed by unknown authority";
  }
}

}  // namespace

Connection::~Connection() = default;

std::unique_ptr<Connection> Connection::open(const Url& url, const Proxy* proxy, std::shared_ptr<SSL_CTX> tls,
                                             const gantry::Call& call) {
  std::unique_ptr<Connection> connection;
  std::string first_error;
  const Url& first = proxy != nullptr ? proxy->url : url;
  for (const Address& address : resolve(first.host, first.port, call)) {
    try {
      connection.reset(new Connection{connect_to(address, call), call});
      break;
    } catch (const TransportError& error) {
      if (first_error.empty()) first_error = error.what();
    }
  }
  if (connection == nullptr) {
    throw TransportError{Kind::unreachable,
                         (proxy != nullptr ? "proxyconnect tcp: " : "") +
                             (first_error.empty() ? "dial tcp: lookup " + first.host + ": no such host" : first_error)};
  }
  if (tls != nullptr && proxy != nullptr) connection->ask_for_tunnel(url, *proxy);
  if (tls != nullptr) connection->start_tls(url, std::move(tls));
  return connection;
}

void Connection::ask_for_tunnel(const Url& url, const Proxy& proxy) {
  const std::string host = (url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]") + ":" + url.port;
  std::string request = "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: gantry\r\n";
  if (!proxy.authorization.empty()) request += "Proxy-Authorization: " + proxy.authorization + "\r\n";
  request += "\r\n";
  write(std::as_bytes(std::span{request}));
  // Byte by byte: what follows the head is the other side's.
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    std::byte byte{};
    if (read({&byte, 1}) == 0) throw TransportError{Kind::broken, "proxyconnect tcp: EOF"};
    head += static_cast<char>(byte);
    if (head.size() > kMaxProxyHead)
      throw TransportError{Kind::unreachable, "proxyconnect tcp: malformed HTTP response"};
  }
  const std::string status = head.substr(0, head.find('\r'));
  if (!status.starts_with("HTTP/1.") || status.size() < 12) {
    throw TransportError{Kind::unreachable, "proxyconnect tcp: malformed HTTP response"};
  }
  // As Go has it: what the proxy says, without the number.
  if (status.compare(9, 3, "200") != 0) {
    throw TransportError{Kind::unreachable, status.size() > 13 ? status.substr(13) : status.substr(9, 3)};
  }
}

void Connection::start_tls(const Url& url, std::shared_ptr<SSL_CTX> tls) {
  context_ = std::move(tls);
  ssl_.reset(SSL_new(context_.get()));
  if (ssl_ == nullptr) throw gantry::Error{gantry::Errc::exhausted, "cannot set up TLS: " + openssl_error()};
  SSL_set_fd(ssl_.get(), socket_.get());
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl_.get());
  // A name that is an address is checked against the certificate's addresses.
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, url.host.c_str()) != 1) {
    SSL_set_tlsext_host_name(ssl_.get(), url.host.c_str());
    X509_VERIFY_PARAM_set1_host(expected, url.host.c_str(), url.host.size());
  }
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) return;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      await_tls(result, "handshake");
      continue;
    }
    if (const long verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK) {
      ERR_clear_error();
      throw TransportError{Kind::tls, "tls: failed to verify certificate: " + verify_text(verified, url)};
    }
    const unsigned long code = ERR_peek_error();
    const int reason = ERR_GET_REASON(code);
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
        reason == SSL_R_PACKET_LENGTH_TOO_LONG) {
      ERR_clear_error();
      throw TransportError{Kind::tls, "http: server gave HTTP response to HTTPS client"};
    }
    throw TransportError{Kind::tls, "remote error: tls: " + openssl_error()};
  }
}

void Connection::await_tls(int result, const char* action) {
  const int error = SSL_get_error(ssl_.get(), result);
  short events = 0;
  if (error == SSL_ERROR_WANT_READ) events = POLLIN;
  if (error == SSL_ERROR_WANT_WRITE) events = POLLOUT;
  if (events == 0) {
    // With TLS 1.3 a server tells only now what it thinks of our certificate, or of its absence.
    const unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET) {
      throw TransportError{Kind::tls, "remote error: tls: " + openssl_error()};
    }
    throw TransportError{Kind::broken, std::string{action} + ": " + openssl_error()};
  }
  if (!wait_for(socket_.get(), events, kSilenceLimit, *call_)) {
    throw TransportError{Kind::broken, std::string{"net/http: TLS "} + action + " timeout"};
  }
}

std::size_t Connection::read(std::span<std::byte> buffer) {
  for (;;) {
    // A fast server never makes us wait, and so never look.
    call_->check();
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int got =
          SSL_read(ssl_.get(), buffer.data(), static_cast<int>(std::min(buffer.size(), std::size_t{1} << 30)));
      if (got > 0) return static_cast<std::size_t>(got);
      if (SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN) return 0;
      await_tls(got, "read");
      continue;
    }
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw TransportError{Kind::broken, "read tcp: " + errno_text(errno)};
    if (!wait_for(socket_.get(), POLLIN, kSilenceLimit, *call_)) {
      throw TransportError{Kind::broken, "read tcp: i/o timeout"};
    }
  }
}

void Connection::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    call_->check();
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int put =
          SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min(bytes.size(), std::size_t{1} << 20)));
      if (put > 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(put));
      } else {
        await_tls(put, "write");
      }
      continue;
    }
    const ssize_t put = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    } else if (errno == EAGAIN) {
      if (!wait_for(socket_.get(), POLLOUT, kSilenceLimit, *call_)) {
        throw TransportError{Kind::broken, "write tcp: i/o timeout"};
      }
    } else if (errno != EINTR) {
      throw TransportError{Kind::broken, "write tcp: " + errno_text(errno)};
    }
  }
}

bool Connection::stale() const {
  char byte = 0;
  const ssize_t got = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN) || (got > 0 && ssl_ == nullptr);
}

}  // namespace hub
