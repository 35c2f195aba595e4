#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <limits>

#include "client/transport.hpp"
#include "command/failure.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::cli {

namespace {

[[noreturn]] void throw_tls(const std::string& what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  throw Failure("error during connect: " + what + ": " + text.data());
}

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;
using Session = std::unique_ptr<SSL, FreeSession>;

TlsContext make_tls_context(const TlsSettings& settings) {
  TlsContext context{SSL_CTX_new(TLS_client_method())};
  if (!context) throw_tls("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (settings.verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const int loaded = settings.ca_file.empty()
                           ? SSL_CTX_set_default_verify_paths(context.get())
                           : SSL_CTX_load_verify_locations(context.get(), settings.ca_file.c_str(), nullptr);
    if (loaded != 1) throw_tls("could not read CA certificate \"" + settings.ca_file + "\"");
  }
  if (!settings.certificate_file.empty() && !settings.key_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), settings.certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      throw_tls("could not load X509 key pair (\"" + settings.certificate_file + "\", \"" + settings.key_file + "\")");
    }
  }
  return context;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(UniqueFd socket, const std::string& host, const TlsSettings& settings)
      : socket_(std::move(socket)), context_(make_tls_context(settings)), session_(SSL_new(context_.get())) {
    if (!session_) throw_tls("TLS");
    if (settings.verify) expect_name(host);
    SSL_set_mode(session_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_fd(session_.get(), socket_.get());
    if (SSL_connect(session_.get()) != 1) {
      const long verdict = SSL_get_verify_result(session_.get());
      if (verdict != X509_V_OK) {
        throw Failure(std::string("error during connect: tls: failed to verify certificate: ") +
                      X509_verify_cert_error_string(verdict));
      }
      throw_tls("TLS handshake with " + host);
    }
  }

  std::size_t read(std::span<char> buffer) override {
    const int size = SSL_read(session_.get(), buffer.data(), bounded(buffer.size()));
    if (size > 0) return static_cast<std::size_t>(size);
    if (SSL_get_error(session_.get(), size) == SSL_ERROR_ZERO_RETURN) return 0;
    throw_tls("read from the daemon");
  }

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const int size = SSL_write(session_.get(), bytes.data(), bounded(bytes.size()));
      if (size <= 0) throw_tls("write to the daemon");
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  std::size_t write_some(std::string_view bytes) override {
    const int flags = ::fcntl(socket_.get(), F_GETFL);
    ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
    const int size = SSL_write(session_.get(), bytes.data(), bounded(bytes.size()));
    ::fcntl(socket_.get(), F_SETFL, flags);
    if (size > 0) return static_cast<std::size_t>(size);
    const int error = SSL_get_error(session_.get(), size);
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return 0;
    throw_tls("write to the daemon");
  }

  void close_write() override { SSL_shutdown(session_.get()); }
  [[nodiscard]] int fd() const override { return socket_.get(); }
  [[nodiscard]] bool has_buffered() const override { return SSL_pending(session_.get()) > 0; }

 private:
  static int bounded(std::size_t size) {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
  }

  void expect_name(const std::string& host) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(session_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return;
    SSL_set_tlsext_host_name(session_.get(), host.c_str());
    if (SSL_set1_host(session_.get(), host.c_str()) != 1) throw_tls("TLS");
  }

  UniqueFd socket_;
  TlsContext context_;
  Session session_;
};

}  // namespace

std::unique_ptr<Transport> start_tls(int socket, const std::string& host, const TlsSettings& settings) {
  UniqueFd owned{socket};
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  return std::make_unique<TlsTransport>(std::move(owned), host, settings);
}

}  // namespace gantry::cli
