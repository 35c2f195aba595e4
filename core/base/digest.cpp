#include "base/digest.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/id.hpp"
#include "gantry/error.hpp"

namespace gantry {

struct Sha256::Context {
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> md{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  if (EVP_DigestInit_ex(context_->md.get(), EVP_sha256(), nullptr) != 1) {
    throw Error{Errc::internal, "OpenSSL has no SHA-256"};
  }
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(context_->md.get(), bytes.data(), bytes.size());
}

std::string Sha256::digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->md.get(), bytes.data(), &size);
  return "sha256:" + hex(std::as_bytes(std::span{bytes.data(), size}));
}

std::string sha256_digest(std::string_view text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span{text}));
  return hash.digest();
}

bool is_sha256_digest(std::string_view text) noexcept {
  constexpr std::string_view prefix = "sha256:";
  return text.starts_with(prefix) && text.size() == prefix.size() + 64 && is_hex(text.substr(prefix.size()));
}

}  // namespace gantry
