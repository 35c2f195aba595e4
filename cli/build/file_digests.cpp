#include "build/file_digests.hpp"

#include <openssl/evp.h>

#include <array>

#include "command/failure.hpp"

namespace gantry::cli {
namespace {

/// As BuildKit names files: below the root, whose name they do not have.
std::string plain_name(std::string name) {
  while (name.starts_with("./") || name.starts_with('/')) name.erase(0, name.find('/') + 1);
  return name;
}

}  // namespace

struct FileDigests::Hash {
  std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context{::EVP_MD_CTX_new(), &::EVP_MD_CTX_free};

  void start() {
    if (context == nullptr || ::EVP_DigestInit_ex(context.get(), ::EVP_sha256(), nullptr) != 1) {
      throw Failure("sha256 cannot be had");
    }
  }
  std::string hex() {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned size = 0;
    ::EVP_DigestFinal_ex(context.get(), sum.data(), &size);
    std::string out;
    for (unsigned at = 0; at < size; ++at) (out += kDigits[sum[at] >> 4U]) += kDigits[sum[at] & 15U];
    return out;
  }
};

FileDigests::FileDigests(TarReader& reader) : hash_(std::make_unique<Hash>()) {
  reader.watch([this](std::span<const char> bytes) {
    if (!current_.empty()) ::EVP_DigestUpdate(hash_->context.get(), bytes.data(), bytes.size());
  });
}

FileDigests::~FileDigests() = default;

void FileDigests::end() {
  if (!current_.empty()) digests_[current_] = hash_->hex();
  current_.clear();
}

void FileDigests::begin(const TarMember& member) {
  end();
  if (member.type == '1') {
    const auto same = digests_.find(plain_name(member.link));
    if (same != digests_.end()) digests_[plain_name(member.name)] = same->second;
  }
  if (member.type != '0') return;
  current_ = plain_name(member.name);
  hash_->start();
}

Json FileDigests::subjects() {
  end();
  Json out = Json::array();
  for (const auto& [name, digest] : digests_) out.push_back({{"name", name}, {"digest", {{"sha256", digest}}}});
  return out;
}

}  // namespace gantry::cli
