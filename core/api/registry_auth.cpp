#include "api/registry_auth.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace gantry::api {

std::optional<std::string> decode_base64(std::string text, std::size_t limit) {
  if (text.size() > limit) return {};
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (!text.empty() && text.back() == '=') text.pop_back();
  const std::size_t size = text.size() * 3 / 4;
  while (text.size() % 4 != 0) text += '=';
  std::string out(text.size() / 4 * 3, '\0');
  const int got = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                  reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (got < 0) return {};
  out.resize(size);
  return out;
}

registry::v1::Credentials to_credentials(const wire::AuthConfig& auth) {
  registry::v1::Credentials out{auth.username, auth.password, auth.identity_token, auth.registry_token};
  if (out.username.empty() && !auth.auth.empty()) {
    const auto pair = decode_base64(auth.auth);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon != std::string::npos) {
      out.username = pair->substr(0, colon);
      out.password = pair->substr(colon + 1);
    }
  }
  return out;
}

registry::v1::Credentials registry_credentials(const Exchange& exchange) {
  const auto header = exchange.header("X-Registry-Auth");
  const auto text = header ? decode_base64(*header) : std::nullopt;
  if (!text) return {};
  const auto document = nlohmann::json::parse(*text, nullptr, false);
  if (!document.is_object()) return {};
  return to_credentials(document.get<wire::AuthConfig>());
}

std::map<std::string, registry::v1::Credentials> all_registry_credentials(const Exchange& exchange) {
  const auto header = exchange.header("X-Registry-Config");
  const auto text = header ? decode_base64(*header) : std::nullopt;
  std::map<std::string, registry::v1::Credentials> out;
  if (!text) return out;
  const auto document = nlohmann::json::parse(*text, nullptr, false);
  if (!document.is_object()) return out;
  for (const auto& [server, auth] : document.items()) {
    if (auth.is_object()) out[server] = to_credentials(auth.get<wire::AuthConfig>());
  }
  return out;
}

}  // namespace gantry::api
