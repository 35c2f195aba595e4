#include "tls_stream.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "gantry/error.hpp"
#include "log_servers/dial.hpp"

namespace gantry::log_syslog {

namespace {

constexpr time_t kHandshakeSeconds = 10;

std::string openssl_reason() {
  const char* reason = ::ERR_reason_error_string(::ERR_peek_last_error());
  ::ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

// In Go's words where they are known.
std::string verify_reason(long result, const std::string& host) {
  switch (result) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "certificate signed by unknown authority";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "certificate has expired or is not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "certificate is not valid for any names, but wanted to match " + host;
    default:
      return ::X509_verify_cert_error_string(result);
  }
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

void limit_waiting(int socket, time_t seconds) {
  const timeval limit{seconds, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

std::string given(const Options& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? std::string{} : found->second;
}

}  // namespace

TlsSettings tls_settings(const Options& options) {
  // As dockerd: that skip-verify is given is enough, whatever it says.
  return {given(options, "syslog-tls-ca-cert"), given(options, "syslog-tls-cert"), given(options, "syslog-tls-key"),
          options.contains("syslog-tls-skip-verify")};
}

void check_files(const TlsSettings& settings) {
  const auto unreadable = [](const std::string& file) { return !file.empty() && ::access(file.c_str(), R_OK) != 0; };
  const auto reason = [](const std::string& file) { return "open " + file + ": " + log_servers::error_text(errno); };
  if (unreadable(settings.ca)) {
    throw Error{Errc::invalid, "could not read CA certificate \"" + settings.ca + "\": " + reason(settings.ca)};
  }
  for (const std::string& file : {settings.certificate, settings.key}) {
    if (unreadable(file)) throw Error{Errc::invalid, "Could not load X509 key pair: " + reason(file)};
  }
}

TlsStream::TlsStream(UniqueFd socket, const std::string& host, const TlsSettings& settings)
    : socket_(std::move(socket)), context_(::SSL_CTX_new(::TLS_client_method())) {
  if (!context_) throw Error{Errc::internal, "TLS cannot begin: " + openssl_reason()};
  ::SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  load_files(settings);
  ::SSL_CTX_set_verify(context_.get(), settings.skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  shake_hands(host);
}

void TlsStream::load_files(const TlsSettings& settings) {
  SSL_CTX* context = context_.get();
  if (settings.ca.empty()) {
    ::SSL_CTX_set_default_verify_paths(context);
  } else if (::SSL_CTX_load_verify_locations(context, settings.ca.c_str(), nullptr) != 1) {
    throw Error{Errc::invalid, "could not read CA certificate \"" + settings.ca + "\": " + openssl_reason()};
  }
  if (settings.certificate.empty() && settings.key.empty()) return;
  const bool loaded = ::SSL_CTX_use_certificate_chain_file(context, settings.certificate.c_str()) == 1 &&
                      ::SSL_CTX_use_PrivateKey_file(context, settings.key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!loaded) {
    throw Error{Errc::invalid,
                "Could not load X509 key pair: " + openssl_reason() + ". Make sure the key is not encrypted"};
  }
}

void TlsStream::shake_hands(const std::string& host) {
  session_.reset(::SSL_new(context_.get()));
  SSL* session = session_.get();
  if (is_address(host)) {
    ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(session), host.c_str());
  } else {
    ::SSL_set1_host(session, host.c_str());
    ::SSL_set_tlsext_host_name(session, host.c_str());
  }
  ::SSL_set_fd(session, socket_.get());
  limit_waiting(socket_.get(), kHandshakeSeconds);
  if (::SSL_connect(session) != 1) {
    const long result = ::SSL_get_verify_result(session);
    const bool distrusted = result != X509_V_OK && ::SSL_get_verify_mode(session) != SSL_VERIFY_NONE;
    throw Error{Errc::unavailable, distrusted
                                       ? "tls: failed to verify certificate: x509: " + verify_reason(result, host)
                                       : "tls: handshake failure: " + openssl_reason()};
  }
  limit_waiting(socket_.get(), 0);
}

bool TlsStream::send(std::string_view bytes) {
  // Whole or not at all: partial writes are not asked for.
  const bool sent = ::SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  if (!sent) ::ERR_clear_error();
  return sent;
}

}  // namespace gantry::log_syslog
