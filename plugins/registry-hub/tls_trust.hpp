#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace hub {

/// TLS settings per registry: the system's authorities and what certs.d/<host:port>/ has: *.crt (authorities) and pairs
/// of *.cert and *.key (the client's). Files that change count from the next connection on.
class TlsTrust {
 public:
  explicit TlsTrust(std::vector<std::string> certs_dirs) : certs_dirs_(std::move(certs_dirs)) {}

  /// The same object as long as the files stay as they are. `verify` false: any certificate is taken. Errors: invalid
  /// (a file in certs.d).
  std::shared_ptr<SSL_CTX> context(const std::string& authority, bool verify);

 private:
  struct Known {
    std::string files;
    std::shared_ptr<SSL_CTX> context;
  };

  [[nodiscard]] std::string files_of(const std::string& authority) const;
  std::shared_ptr<SSL_CTX> make(const std::string& authority, bool verify) const;
  std::vector<std::string> certs_dirs_;
  std::mutex mutex_;
  std::map<std::string, Known> contexts_;
};

/// The newest of OpenSSL's errors of this thread, in words; empties the queue.
std::string openssl_error();

}  // namespace hub
