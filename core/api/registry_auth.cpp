#include "api/registry_auth.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "gantry/base64.hpp"

namespace gantry::api {

std::optional<std::string> decode_base64(std::string_view text, std::size_t limit) {
  return text.size() > limit ? std::nullopt : base64_decode(text);
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
