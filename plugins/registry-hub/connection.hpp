#pragma once

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"
#include "proxies.hpp"
#include "url.hpp"

namespace hub {

/// The network failed, as Go words it: "dial tcp 127.0.0.1:5000: connect: connection refused".
class TransportError : public std::runtime_error {
 public:
  enum class Kind {
    unreachable,  ///< No connection: another try now would fail as well.
    tls,          ///< The other side's certificate, or no TLS at all.
    broken,       ///< It broke or fell silent: another try may work.
  };
  TransportError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// A TCP connection, plain or TLS; every wait ends when the call is cancelled or after a time limit. One thread at a
/// time.
class Connection {
 public:
  /// `tls` null: plain. `proxy` null: directly; else TLS goes through a tunnel, and what is plain is to be asked of the
  /// proxy. Errors: TransportError, cancelled.
  static std::unique_ptr<Connection> open(const Url& url, const Proxy* proxy, std::shared_ptr<SSL_CTX> tls,
                                          const gantry::Call& call);

  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The call that the connection works for from now on.
  void serve(const gantry::Call& call) noexcept { call_ = &call; }

  /// 0 at the end. Errors: TransportError, cancelled.
  std::size_t read(std::span<std::byte> buffer);
  void write(std::span<const std::byte> bytes);

  /// Whether the other side has closed it while it was idle.
  [[nodiscard]] bool stale() const;

  /// The certificates that it was made with; null if it is plain.
  [[nodiscard]] const SSL_CTX* trust() const noexcept { return context_.get(); }

  /// Beast's SyncReadStream.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    error = {};
    for (const auto& part : boost::beast::buffers_range_ref(buffers)) {
      const boost::asio::mutable_buffer buffer{part};
      if (buffer.size() == 0) continue;
      const std::size_t got = read({static_cast<std::byte*>(buffer.data()), buffer.size()});
      if (got == 0) error = boost::asio::error::eof;
      return got;
    }
    return 0;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    boost::system::error_code error;
    const std::size_t got = read_some(buffers, error);
    if (error) throw boost::system::system_error{error};
    return got;
  }

 private:
  Connection(gantry::UniqueFd socket, const gantry::Call& call) : socket_(std::move(socket)), call_(&call) {}
  /// RFC 9110, 9.3.6.
  void ask_for_tunnel(const Url& url, const Proxy& proxy);
  void start_tls(const Url& url, std::shared_ptr<SSL_CTX> tls);
  /// Waits for what OpenSSL asks for; throws for anything else.
  void await_tls(int result, const char* action);

  struct FreeSsl {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };
  gantry::UniqueFd socket_;
  const gantry::Call* call_;
  std::shared_ptr<SSL_CTX> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace hub
