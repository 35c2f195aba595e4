#include "sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstddef>

#include "gantry/error.hpp"

namespace gantry::dockerfile {

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { ::EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(::EVP_MD_CTX_new()) {
  if (!context_ || ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) != 1) {
    throw Error{Errc::exhausted, "no memory for a digest"};
  }
}

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span{text})); }

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  ::EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  std::string out;
  for (const unsigned char byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

}  // namespace gantry::dockerfile
