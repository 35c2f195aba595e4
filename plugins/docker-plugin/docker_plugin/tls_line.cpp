#include "docker_plugin/tls_line.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::docker_plugin {
namespace {

std::string openssl_reason() {
  const char* reason = ::ERR_reason_error_string(::ERR_peek_last_error());
  ::ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

/// What another session has left on this thread SSL_get_error would take for this one's.
SSL* fresh(SSL* session) {
  ::ERR_clear_error();
  return session;
}

void check_readable(const std::string& file) {
  if (file.empty() || ::access(file.c_str(), R_OK) == 0) return;
  throw Error{Errc::invalid, "TLSConfig: open " + file + ": " + std::strerror(errno)};
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

// The session works in memory: the socket's waiting, and its signals, are the line's.
TlsLine::TlsLine(std::unique_ptr<Line> line, const std::string& host, const Tls& settings)
    : line_(std::move(line)), context_(::SSL_CTX_new(::TLS_client_method())) {
  if (!context_) throw Error{Errc::internal, "TLS cannot begin: " + openssl_reason()};
  ::SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  load_files(settings);
  ::SSL_CTX_set_verify(context_.get(), settings.skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  session_.reset(::SSL_new(context_.get()));
  if (!session_) throw Error{Errc::internal, "TLS cannot begin: " + openssl_reason()};
  ::SSL_set_bio(session_.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
  name_host(host);
  shake_hands(host);
}

TlsLine::~TlsLine() = default;

void TlsLine::load_files(const Tls& settings) {
  SSL_CTX* context = context_.get();
  for (const std::string& file : {settings.ca, settings.certificate, settings.key}) check_readable(file);
  if (settings.ca.empty()) {
    ::SSL_CTX_set_default_verify_paths(context);
  } else if (::SSL_CTX_load_verify_locations(context, settings.ca.c_str(), nullptr) != 1) {
    throw Error{Errc::invalid, "TLSConfig: could not read CA certificate \"" + settings.ca + "\": " + openssl_reason()};
  }
  if (settings.certificate.empty() && settings.key.empty()) return;
  const bool loaded = ::SSL_CTX_use_certificate_chain_file(context, settings.certificate.c_str()) == 1 &&
                      ::SSL_CTX_use_PrivateKey_file(context, settings.key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!loaded) throw Error{Errc::invalid, "TLSConfig: Could not load X509 key pair: " + openssl_reason()};
}

void TlsLine::name_host(const std::string& host) {
  if (is_address(host)) {
    ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(session_.get()), host.c_str());
    return;
  }
  ::SSL_set1_host(session_.get(), host.c_str());
  ::SSL_set_tlsext_host_name(session_.get(), host.c_str());
}

void TlsLine::shake_hands(const std::string& host) {
  int result = 0;
  while ((result = ::SSL_connect(fresh(session_.get()))) != 1 && goes_on(result)) {
  }
  if (result == 1) return send_encrypted();
  const long verified = ::SSL_get_verify_result(session_.get());
  const bool distrusted = verified != X509_V_OK && ::SSL_get_verify_mode(session_.get()) != SSL_VERIFY_NONE;
  throw Error{Errc::unavailable, distrusted ? "tls: failed to verify the certificate of " + host + ": " +
                                                  ::X509_verify_cert_error_string(verified)
                                            : "tls: handshake failure: " + openssl_reason()};
}

/// Moves what the session has to say, and what it waits for; false: there is nothing to be had any more.
bool TlsLine::goes_on(int result) {
  const int wanted = ::SSL_get_error(session_.get(), result);
  send_encrypted();
  return wanted == SSL_ERROR_WANT_WRITE || (wanted == SSL_ERROR_WANT_READ && receive_encrypted());
}

void TlsLine::send_encrypted() {
  std::array<char, 16384> piece{};
  int size = 0;
  while ((size = ::BIO_read(::SSL_get_wbio(session_.get()), piece.data(), piece.size())) > 0) {
    line_->send({piece.data(), static_cast<std::size_t>(size)});
  }
}

bool TlsLine::receive_encrypted() {
  std::array<char, 16384> piece{};
  const std::size_t got = line_->receive(piece);
  return got > 0 && ::BIO_write(::SSL_get_rbio(session_.get()), piece.data(), static_cast<int>(got)) > 0;
}

void TlsLine::send(std::string_view bytes) {
  int result = 0;
  while ((result = ::SSL_write(fresh(session_.get()), bytes.data(), static_cast<int>(bytes.size()))) <= 0) {
    if (!goes_on(result)) throw Error{Errc::unavailable, "tls: write to the plugin: " + openssl_reason()};
  }
  send_encrypted();
}

std::size_t TlsLine::receive(std::span<char> bytes) {
  int result = 0;
  while ((result = ::SSL_read(fresh(session_.get()), bytes.data(), static_cast<int>(bytes.size()))) <= 0) {
    const int why = ::SSL_get_error(session_.get(), result);
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    if (goes_on(result)) continue;
    // Many a server closes without a farewell: an answer that was cut off is no JSON.
    if (why == SSL_ERROR_WANT_READ) return 0;
    throw Error{Errc::unavailable, "tls: read from the plugin: " + openssl_reason()};
  }
  return static_cast<std::size_t>(result);
}

}  // namespace gantry::docker_plugin
