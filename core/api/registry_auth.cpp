#include "api/registry_auth.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "gantry/base64.hpp"
#include "images/bounded_json.hpp"

namespace gantry::api {

namespace {

constexpr std::size_t kLongestHeader = std::size_t{1} << 20;

/// The object in a header; null if there is none, or none that can be read.
nlohmann::json object_in(const Exchange& exchange, const char* name) {
  const auto header = exchange.header(name);
  const auto text = header ? decode_base64(*header, kLongestHeader) : std::nullopt;
  if (!text || !images::is_bounded_object(*text)) return {};
  return nlohmann::json::parse(*text, nullptr, false);
}

}  // namespace

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
  const auto document = object_in(exchange, "X-Registry-Auth");
  if (!document.is_object()) return {};
  return to_credentials(document.get<wire::AuthConfig>());
}

std::map<std::string, registry::v1::Credentials> all_registry_credentials(const Exchange& exchange) {
  const auto document = object_in(exchange, "X-Registry-Config");
  std::map<std::string, registry::v1::Credentials> out;
  if (!document.is_object()) return out;
  for (const auto& [server, auth] : document.items()) {
    if (auth.is_object()) out[server] = to_credentials(auth.get<wire::AuthConfig>());
  }
  return out;
}

}  // namespace gantry::api
