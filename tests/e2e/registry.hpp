#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "command.hpp"

namespace gantry::e2e {

/// Debian's docker-registry on loopback, in the test's network namespace.
class Registry {
 public:
  struct Options {
    bool tls{};       ///< With a certificate of a private CA: `ca()`.
    bool password{};  ///< Basic auth: user "alice", password "secret".
    int port{5000};
  };
  explicit Registry(Options options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  [[nodiscard]] std::string host() const { return "localhost:" + std::to_string(options_.port); }
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
