#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "api/transport.hpp"
#include "gantry/error.hpp"

namespace gantry::api {

namespace ssl = asio::ssl;

struct TlsContext::Impl {
  ssl::context context{ssl::context::tls_server};
};

namespace {

// In the words of Go's server.
constexpr std::string_view kSpeaksPlainHttp =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

// "192.0.2.1:4711" or "[2001:db8::1]:4711".
std::string text_of(const Socket::endpoint_type& endpoint) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (endpoint.data()->sa_family == AF_INET) {
    const auto* address = reinterpret_cast<const sockaddr_in*>(endpoint.data());
    ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    return std::string{text.data()} + ":" + std::to_string(ntohs(address->sin_port));
  }
  if (endpoint.data()->sa_family == AF_INET6) {
    const auto* address = reinterpret_cast<const sockaddr_in6*>(endpoint.data());
    ::inet_ntop(AF_INET6, &address->sin6_addr, text.data(), text.size());
    return "[" + std::string{text.data()} + "]:" + std::to_string(ntohs(address->sin6_port));
  }
  return "an unknown address";
}

// Why there is no session: in Go's words where they are plainer than OpenSSL's.
std::string complaint(const boost::system::error_code& failed, SSL* session) {
  if (failed == asio::error::operation_aborted) return "i/o timeout";
  if (failed == asio::error::eof || failed == ssl::error::stream_truncated) return "EOF";
  if (failed.category() == asio::error::get_ssl_category()) {
    switch (ERR_GET_REASON(static_cast<unsigned long>(failed.value()))) {
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "tls: client didn't provide a certificate";
      case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return std::string{"tls: failed to verify certificate: "} +
               X509_verify_cert_error_string(SSL_get_verify_result(session));
      case SSL_R_WRONG_VERSION_NUMBER:
        return "tls: first record does not look like a TLS handshake";
      default:
        break;
    }
  }
  return failed.message();
}

bool is_plain_http(const boost::system::error_code& failed) {
  return failed.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(failed.value())) == SSL_R_HTTP_REQUEST;
}

class TlsTransport final : public Transport, public std::enable_shared_from_this<TlsTransport> {
 public:
  TlsTransport(Socket socket, ssl::context& context) : stream_(std::move(socket), context) {}

  awaitable<void> handshake() override {
    boost::system::error_code failed;
    boost::system::error_code unknown;
    const Socket::endpoint_type client = stream_.next_layer().remote_endpoint(unknown);
    co_await stream_.async_handshake(ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, failed));
    if (!failed) co_return;
    std::string why = complaint(failed, stream_.native_handle());
    if (is_plain_http(failed)) {
      why = "client sent an HTTP request to an HTTPS server";
      co_await asio::async_write(stream_.next_layer(), asio::buffer(kSpeaksPlainHttp),
                                 asio::redirect_error(asio::use_awaitable, failed));
      stream_.next_layer().shutdown(Socket::shutdown_send, failed);
    }
    throw Error{Errc::denied, "TLS handshake error from " + text_of(client) + ": " + why};
  }

  awaitable<std::size_t> read(asio::mutable_buffer buffer) override {
    boost::system::error_code failed;
    co_return co_await stream_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, failed));
  }

  awaitable<void> write(std::string_view bytes) override {
    boost::system::error_code failed;
    co_await asio::async_write(stream_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) throw Error{Errc::io, "cannot write to the client: " + failed.message()};
  }

  // Asio's shutdown also waits for the client's close_notify, which may come much later.
  awaitable<void> close_write() override {
    asio::co_spawn(co_await asio::this_coro::executor, send_close_notify(shared_from_this()), asio::detached);
  }

  awaitable<void> hung_up() override {
    boost::system::error_code ignored;
    co_await stream_.next_layer().async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, ignored));
  }

  void close() override {
    boost::system::error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  static awaitable<void> send_close_notify(std::shared_ptr<TlsTransport> self) {
    boost::system::error_code ignored;
    co_await self->stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  }

  ssl::stream<Socket> stream_;
};

void require(const boost::system::error_code& failed, const std::string& what, const std::string& file) {
  if (failed) throw Error{Errc::invalid, "cannot load the TLS " + what + " from " + file + ": " + failed.message()};
}

}  // namespace

TlsContext::TlsContext(const TlsSettings& settings) : impl_(std::make_shared<Impl>()) {
  ssl::context& context = impl_->context;
  boost::system::error_code failed;
  context.set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                      ssl::context::no_tlsv1_1 | ssl::context::single_dh_use);
  context.use_certificate_chain_file(settings.certificate, failed);
  require(failed, "certificate", settings.certificate);
  context.use_private_key_file(settings.key, ssl::context::pem, failed);
  require(failed, "key", settings.key);
  if (!settings.verify_clients) return;
  context.load_verify_file(settings.ca, failed);
  require(failed, "CA certificate", settings.ca);
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
}

TlsContext::~TlsContext() = default;

std::shared_ptr<Transport> TlsContext::wrap(Socket socket) {
  return std::make_shared<TlsTransport>(std::move(socket), impl_->context);
}

}  // namespace gantry::api
