#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gantry {

/// SHA-256 over bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);

  /// "sha256:<64 hex digits>"; ends the digest.
  [[nodiscard]] std::string digest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// "sha256:<64 hex digits>" of `text`.
std::string sha256_digest(std::string_view text);

/// Whether `text` is "sha256:" and 64 lower-case hex digits, and so fit to be a file's name.
bool is_sha256_digest(std::string_view text) noexcept;

}  // namespace gantry
