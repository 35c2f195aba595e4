#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "gantry/driver.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::log_syslog {

/// The options syslog-tls-*, as they are given.
struct TlsSettings {
  std::string ca;  ///< File of the CAs that a server is trusted by; empty: the system's.
  std::string certificate;
  std::string key;
  bool skip_verify{};
};

TlsSettings tls_settings(const Options& options);

/// Errors: invalid, if a file cannot be read: it is missed before the server is.
void check_files(const TlsSettings& settings);

/// A TLS client over a connected socket.
class TlsStream {
 public:
  /// `host`: whose certificate it must be. Errors: invalid (a file), unavailable (the server), in Go's words.
  TlsStream(UniqueFd socket, const std::string& host, const TlsSettings& settings);

  /// False if the server has gone.
  bool send(std::string_view bytes);

 private:
  void load_files(const TlsSettings& settings);
  void shake_hands(const std::string& host);

  struct Free {
    void operator()(SSL_CTX* context) const noexcept { ::SSL_CTX_free(context); }
    void operator()(SSL* session) const noexcept { ::SSL_free(session); }
  };

  UniqueFd socket_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> session_;
};

}  // namespace gantry::log_syslog
