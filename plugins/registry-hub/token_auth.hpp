#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/registry.hpp"
#include "http_client.hpp"

namespace hub {

using gantry::registry::v1::Credentials;

/// One item of a WWW-Authenticate header (RFC 9110, section 11.6.1).
struct Challenge {
  std::string scheme;                             ///< Lower case: "bearer", "basic".
  std::map<std::string, std::string> parameters;  ///< Names in lower case.

  [[nodiscard]] std::string get(const std::string& name) const;
};

/// The challenges of a header's value; what cannot be read is left out.
std::vector<Challenge> parse_challenges(std::string_view header);

/// A token and how long it holds (distribution spec, "Token Authentication": the token server's answer).
struct Token {
  std::string text;
  std::string refresh;  ///< An identity token, if it was asked for.
  std::chrono::seconds lifetime{60};
};

/// Errors: invalid.
Token parse_token(std::string_view json);

/// Gets tokens from the token servers that registries name, and keeps them as long as they hold. Any thread.
class TokenAuth {
 public:
  explicit TokenAuth(HttpClient& client) : client_(client) {}

  /// A token for `scopes` ("repository:library/debian:pull"). `plain_allowed`: the token server may be without TLS.
  /// Errors: denied, unavailable, TransportError, cancelled.
  std::string token(const Challenge& challenge, const std::vector<std::string>& scopes, const Credentials& credentials,
                    bool plain_allowed, const gantry::Call& call);

  /// Forgets the token: the registry has refused it.
  void forget(const Challenge& challenge, const std::vector<std::string>& scopes, const Credentials& credentials);

  /// Checks credentials; answers the identity token, if there is one.
  std::string login(const Challenge& challenge, const Credentials& credentials, bool plain_allowed,
                    const gantry::Call& call);

 private:
  struct Kept {
    std::string text;
    std::chrono::steady_clock::time_point until;
  };
  Token fetch(const Challenge& challenge, const std::vector<std::string>& scopes, const Credentials& credentials,
              bool offline, bool plain_allowed, const gantry::Call& call);

  HttpClient& client_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;
};

/// "Basic ..." for the Authorization header.
std::string basic_authorization(const Credentials& credentials);

}  // namespace hub
