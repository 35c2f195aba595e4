#include <poll.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "endpoint.hpp"
#include "registry_error.hpp"
#include "resolver.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;
using std::chrono::milliseconds;

constexpr int kRequestAttempts = 5;
constexpr int kMaxRedirects = 10;
constexpr milliseconds kFirstPause{250};
constexpr milliseconds kLongestPause{20'000};

bool is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool may_pass(unsigned status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

bool repeatable(const Request& request) {
  return request.source == nullptr && (request.method == "GET" || request.method == "HEAD" || request.method == "PUT");
}

/// What was refused for now has not begun: then the start of an upload may be repeated, too.
bool may_be_sent_again(const Request& request, unsigned status) {
  return repeatable(request) ? may_pass(status) : request.source == nullptr && (status == 429 || status == 503);
}

/// The header's value in seconds, a number or a date (RFC 9110, section 10.2.3); nothing if it is none.
std::optional<std::int64_t> seconds_in(const std::string& retry_after) {
  std::int64_t seconds = 0;
  const char* end = retry_after.data() + retry_after.size();
  const auto [rest, error] = std::from_chars(retry_after.data(), end, seconds);
  if (error == std::errc{} && rest == end) return seconds >= 0 ? std::optional{seconds} : std::nullopt;
  std::tm date{};
  const char* after = ::strptime(retry_after.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (after == nullptr || *after != '\0') return {};
  return std::max<std::int64_t>(::timegm(&date) - std::time(nullptr), 0);
}

}  // namespace

void pause(milliseconds time, const gantry::Call& call) {
  // -1 is no descriptor: only the cancellation can end it early.
  wait_for(-1, 0, static_cast<int>(time.count()), call);
}

milliseconds backoff(int attempt, const std::string& retry_after) {
  if (const auto asked = seconds_in(retry_after)) {
    return std::min<milliseconds>(std::chrono::seconds{std::min<std::int64_t>(*asked, 3600)}, kLongestPause);
  }
  return std::min(kFirstPause * (1 << std::min(attempt, 10)), kLongestPause);
}

std::string Session::label(const Request& request) {
  std::string method = request.method;
  std::transform(method.begin() + 1, method.end(), method.begin() + 1,
                 [](unsigned char c) { return static_cast<char>(c + 32); });
  // A query may hold a signature.
  return method + " \"" + request.url.scheme + "://" + request.url.authority() +
         request.url.target.substr(0, request.url.target.find('?')) + "\"";
}

const Challenge* Session::challenge(const std::string& scheme) const {
  const auto found = std::find_if(endpoint_.challenges.begin(), endpoint_.challenges.end(),
                                  [&](const Challenge& item) { return item.scheme == scheme; });
  return found == endpoint_.challenges.end() ? nullptr : &*found;
}

std::optional<std::string> Session::authorization(const Request& request) {
  if (!credentials_.registry_token.empty()) return "Bearer " + credentials_.registry_token;
  if (const Challenge* bearer = challenge("bearer")) {
    return "Bearer " + tokens_.token(*bearer, scopes_, credentials_, endpoint_.insecure, call_);
  }
  if (challenge("basic") != nullptr) {
    if (credentials_.username.empty()) throw Error{Errc::denied, label(request) + ": no basic auth credentials"};
    return basic_authorization(credentials_);
  }
  return {};
}

Response Session::authorized(Request request) {
  request.verify = endpoint_.verify;
  const auto identity = authorization(request);
  if (identity) request.headers.emplace_back("Authorization", *identity);
  Response response = client_.send(request, call_);
  if (response.status() != 401 || request.source != nullptr || !credentials_.registry_token.empty()) return response;
  // The token has expired, or the registry asks for something that the ping did not tell.
  std::vector<Challenge> asked;
  for (const std::string& header : response.headers("WWW-Authenticate")) {
    for (Challenge& item : parse_challenges(header)) asked.push_back(std::move(item));
  }
  if (const Challenge* bearer = challenge("bearer")) tokens_.forget(*bearer, scopes_, credentials_);
  if (asked.empty() || (asked.front().scheme == "basic" && identity)) return response;
  response.discard();
  endpoint_.challenges = std::move(asked);
  if (identity) request.headers.pop_back();
  if (const auto again = authorization(request)) request.headers.emplace_back("Authorization", *again);
  return client_.send(request, call_);
}

Response Session::follow(Request request) {
  Response response = authorized(request);
  if (request.method != "GET" && request.method != "HEAD") return response;
  Url at = request.url;
  for (int hops = 0; is_redirect(response.status()); ++hops) {
    const std::string location = response.header("Location");
    if (location.empty()) return response;
    if (hops == kMaxRedirects) throw Error{Errc::io, label(request) + ": stopped after 10 redirects"};
    const Url next = at.resolve(location);
    if (at.secure() && !next.secure() && !endpoint_.insecure) {
      throw Error{Errc::io, label(request) + ": redirected from https to http"};
    }
    response.discard();
    Request hop = request;
    hop.url = next;
    if (next.same_origin(endpoint_.base)) {
      response = authorized(hop);
    } else {
      // Another host: it gets the request, never the credentials, and its certificate is always checked.
      hop.verify = !(endpoint_.insecure && !endpoint_.verify && next.host == endpoint_.base.host);
      response = client_.send(hop, call_);
    }
    at = next;
  }
  return response;
}

Response Session::send_upload(Request request) {
  try {
    if (request.url.same_origin(endpoint_.base)) return authorized(request);
    return client_.send(request, call_);
  } catch (const TransportError& error) {
    throw TransportError{error.kind(), label(request) + ": " + error.what()};
  }
}

Response Session::send(Request request) {
  for (int attempt = 0;; ++attempt) {
    const bool last = attempt + 1 == kRequestAttempts;
    std::string retry_after;
    try {
      Response response = follow(request);
      if (last || !may_be_sent_again(request, response.status())) return response;
      retry_after = response.header("Retry-After");
    } catch (const TransportError& error) {
      if (last || !repeatable(request) || error.kind() != TransportError::Kind::broken)
        throw Error{Errc::io, label(request) + ": " + error.what()};
    }
    pause(backoff(attempt, retry_after), call_);
  }
}

}  // namespace hub
