#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "docker_plugin/address.hpp"
#include "docker_plugin/line.hpp"

namespace gantry::docker_plugin {

/// TLS over another line.
class TlsLine final : public Line {
 public:
  /// Shakes hands; `host`: whose certificate it must be. Errors: invalid (a file of the settings), unavailable (the
  /// plugin's certificate, the connection), cancelled.
  TlsLine(std::unique_ptr<Line> line, const std::string& host, const Tls& settings);
  ~TlsLine() override;

  void send(std::string_view bytes) override;
  std::size_t receive(std::span<char> bytes) override;

 private:
  void load_files(const Tls& settings);
  void name_host(const std::string& host);
  void shake_hands(const std::string& host);
  bool goes_on(int result);
  void send_encrypted();
  bool receive_encrypted();

  struct Free {
    void operator()(SSL_CTX* context) const noexcept { ::SSL_CTX_free(context); }
    void operator()(SSL* session) const noexcept { ::SSL_free(session); }
  };

  std::unique_ptr<Line> line_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> session_;
};

}  // namespace gantry::docker_plugin
