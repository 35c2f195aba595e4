#include "build_origins.hpp"

namespace gantry::dockerfile {

using builder::v1::Material;
using builder::v1::Origins;

Material file_material(const std::string& address, const std::string& digest) {
  const std::size_t colon = digest.find(':');
  return {without_password(address), digest.substr(0, colon), digest.substr(colon + 1)};
}

Material repository_material(const std::string& address, const std::string& commit) {
  constexpr std::size_t kSha1Digits = 40;
  return {without_password(address), commit.size() == kSha1Digits ? "sha1" : "sha256", commit};
}

Material repository_material(const GitAddress& address, const std::string& commit) {
  return repository_material(address.reference.empty() ? address.url : address.url + "#" + address.reference, commit);
}

Origins* origins_of(builder::v1::Session& session) { return static_cast<Origins*>(session.query(Origins::kService)); }

}  // namespace gantry::dockerfile
