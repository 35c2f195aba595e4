#include "token_auth.hpp"

#include <nlohmann/json.hpp>

#include "gantry/base64.hpp"
#include "registry_error.hpp"
#include "url.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

constexpr std::size_t kMaxToken = std::size_t{64} << 10;
constexpr std::size_t kMaxKept = 1024;
constexpr std::chrono::seconds kMargin{10};

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

/// Reads a header's value from left to right.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip(std::string_view characters) {
    while (!text_.empty() && characters.find(text_.front()) != std::string_view::npos) text_.remove_prefix(1);
  }
  std::string word() {
    std::size_t size = 0;
    while (size < text_.size() && is_token_char(text_[size])) ++size;
    std::string out{text_.substr(0, size)};
    text_.remove_prefix(size);
    return out;
  }
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// A word or a quoted string.
  std::string value() {
    if (!take('"')) return word();
    std::string out;
    while (!text_.empty() && text_.front() != '"') {
      if (text_.front() == '\\' && text_.size() > 1) text_.remove_prefix(1);
      out += text_.front();
      text_.remove_prefix(1);
    }
    take('"');
    return out;
  }
  [[nodiscard]] bool done() const { return text_.empty(); }
  void drop() { text_.remove_prefix(text_.empty() ? 0 : 1); }

 private:
  std::string_view text_;
};

std::string cache_key(const Challenge& challenge, const std::vector<std::string>& scopes,
                      const Credentials& credentials) {
  std::string key = challenge.get("realm") + "\n" + challenge.get("service") + "\n" + credentials.username + "\n" +
                    credentials.password + "\n" + credentials.identity_token;
  for (const std::string& scope : scopes) key += "\n" + scope;
  return key;
}

Request refresh_request(const Url& realm, const std::string& service, const std::vector<std::string>& scopes,
                        const Credentials& credentials) {
  Request request;
  request.method = "POST";
  request.url = realm;
  std::string scope;
  for (const std::string& item : scopes) scope += (scope.empty() ? "" : " ") + item;
  request.text = "grant_type=refresh_token&client_id=gantry&service=" + escape(service) + "&scope=" + escape(scope) +
                 "&refresh_token=" + escape(credentials.identity_token);
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  return request;
}

Request basic_request(const Url& realm, const std::string& service, const std::vector<std::string>& scopes,
                      const Credentials& credentials, bool offline) {
  Request request;
  request.url = realm;
  if (!service.empty()) request.url = request.url.with_query("service", service);
  for (const std::string& scope : scopes) request.url = request.url.with_query("scope", scope);
  if (offline) request.url = request.url.with_query("offline_token", "true").with_query("client_id", "gantry");
  if (!credentials.username.empty()) {
    request.url = request.url.with_query("account", credentials.username);
    request.headers.emplace_back("Authorization", basic_authorization(credentials));
  }
  return request;
}

}  // namespace

std::string Challenge::get(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string{} : found->second;
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> out;
  Scanner scanner{header};
  while (!scanner.done()) {
    scanner.skip(" \t,");
    std::string word = scanner.word();
    if (word.empty()) {
      scanner.drop();
      continue;
    }
    if (scanner.take('=')) {
      std::string value = scanner.value();
      if (!out.empty()) out.back().parameters[lower(std::move(word))] = std::move(value);
    } else {
      out.push_back({lower(std::move(word)), {}});
    }
  }
  return out;
}

Token parse_token(std::string_view text) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) throw Error{Errc::invalid, "the token server's answer is not JSON"};
  Token token;
  for (const char* name : {"token", "access_token"}) {
    const auto found = document.find(name);
    if (found != document.end() && found->is_string() && token.text.empty()) token.text = found->get<std::string>();
  }
  if (token.text.empty()) throw Error{Errc::invalid, "authorization server did not include a token in the response"};
  if (const auto found = document.find("refresh_token"); found != document.end() && found->is_string()) {
    token.refresh = found->get<std::string>();
  }
  if (const auto found = document.find("expires_in"); found != document.end() && found->is_number()) {
    // As a fraction: what has no whole number's range is no whole number.
    token.lifetime = std::chrono::seconds{static_cast<std::int64_t>(std::clamp(found->get<double>(), 60.0, 86400.0))};
  }
  return token;
}

std::string basic_authorization(const Credentials& credentials) {
  return "Basic " + gantry::base64_encode(credentials.username + ":" + credentials.password);
}

Token TokenAuth::fetch(const Challenge& challenge, const std::vector<std::string>& scopes,
                       const Credentials& credentials, bool offline, bool plain_allowed, const gantry::Call& call) {
  const Url realm = parse_url(challenge.get("realm"));
  if (!realm.secure() && !plain_allowed) {
    throw Error{Errc::denied, "the token server " + realm.str() + " is not reached by https"};
  }
  const std::string service = challenge.get("service");
  Request request = credentials.identity_token.empty() ? basic_request(realm, service, scopes, credentials, offline)
                                                       : refresh_request(realm, service, scopes, credentials);
  request.verify = !plain_allowed;
  Response response = client_.send(request, call);
  const std::string what = std::string{request.method == "POST" ? "Post" : "Get"} + " \"" + realm.str() + "\"";
  if (response.status() != 200) throw to_error(response, what);
  return parse_token(response.text(kMaxToken));
}

std::string TokenAuth::token(const Challenge& challenge, const std::vector<std::string>& scopes,
                             const Credentials& credentials, bool plain_allowed, const gantry::Call& call) {
  const std::string key = cache_key(challenge, scopes, credentials);
  {
    const std::lock_guard lock{mutex_};
    const auto found = kept_.find(key);
    if (found != kept_.end() && std::chrono::steady_clock::now() < found->second.until) return found->second.text;
  }
  const Token token = fetch(challenge, scopes, credentials, false, plain_allowed, call);
  const std::lock_guard lock{mutex_};
  if (kept_.size() >= kMaxKept) kept_.clear();
  kept_[key] = {token.text, std::chrono::steady_clock::now() + token.lifetime - kMargin};
  return token.text;
}

void TokenAuth::forget(const Challenge& challenge, const std::vector<std::string>& scopes,
                       const Credentials& credentials) {
  const std::lock_guard lock{mutex_};
  kept_.erase(cache_key(challenge, scopes, credentials));
}

std::string TokenAuth::login(const Challenge& challenge, const Credentials& credentials, bool plain_allowed,
                             const gantry::Call& call) {
  return fetch(challenge, {}, credentials, true, plain_allowed, call).refresh;
}

}  // namespace hub
