#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "command.hpp"

namespace gantry::e2e {

/// Debian's docker-registry, in the test's network namespace.
class Registry {
 public:
  struct Options {
    bool tls{};       ///< With a certificate of a private CA: `ca()`.
    bool password{};  ///< Basic auth: user "alice", password "secret".
    int port{5000};
    std::string address{"127.0.0.1"};  ///< Of an interface of the test's; another than loopback's is not trusted.
    bool client_certificate{};         ///< With TLS: only who has the one of `certificates()` gets in.
  };
  explicit Registry(Options options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  [[nodiscard]] std::string host() const {
    return (options_.address == "127.0.0.1" ? "localhost" : options_.address) + ":" + std::to_string(options_.port);
  }
  /// With TLS: what belongs into certs.d/<host()>: ca.crt, client.cert, client.key.
  [[nodiscard]] std::filesystem::path certificates() const { return root_ / "certificates"; }
  [[nodiscard]] std::filesystem::path ca() const { return root_ / "ca.crt"; }
  [[nodiscard]] std::filesystem::path root() const { return root_; }

  /// Copies an OCI layout into the registry with an independent client.
  void push(const std::filesystem::path& layout, const std::string& name);

  void stop();
  void start();

 private:
  Options options_;
  std::filesystem::path root_;
  std::unique_ptr<Background> process_;
};

}  // namespace gantry::e2e
