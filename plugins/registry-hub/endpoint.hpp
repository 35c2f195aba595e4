#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gantry/registry.hpp"
#include "http_client.hpp"
#include "registry_hosts.hpp"
#include "token_auth.hpp"

namespace hub {

/// A registry that has answered: where it is and how it wants its clients to identify themselves.
struct Endpoint {
  Url base;  ///< Target "/v2/".
  bool verify{true};
  bool insecure{};
  std::vector<Challenge> challenges;
};

/// Finds out whether a registry speaks TLS and what it asks for (GET /v2/), and remembers it for a while. Any thread.
class Endpoints {
 public:
  Endpoints(HttpClient& client, InsecureHosts insecure) : client_(client), insecure_(std::move(insecure)) {}

  /// `host` as in an image's name. Errors: io, in dockerd's words (`Get "https://x/v2/": dial tcp ...`), cancelled.
  Endpoint find(const std::string& host, const gantry::Call& call);
  /// Of a mirror. `base` ends with "/v2/". One that does not answer is left alone for a while. Errors: io, cancelled.
  Endpoint find_mirror(const Url& base, const gantry::Call& call);
  /// Of a mirror that did not answer.
  void leave_alone(const Url& base);
  void forget(const std::string& host);
  /// By its name, or by the addresses that this stands for; but nobody looks up here what goes through a proxy.
  /// Errors: cancelled.
  [[nodiscard]] bool insecure(const std::string& host, const gantry::Call& call) const;

 private:
  struct Kept {
    Endpoint endpoint;
    std::chrono::steady_clock::time_point until;
  };
  std::optional<Endpoint> kept(const std::string& key);
  Endpoint ask(const std::string& key, const std::vector<Url>& candidates, bool insecure, const gantry::Call& call);
  Endpoint ping(const Url& base, bool insecure, const gantry::Call& call);

  HttpClient& client_;
  const InsecureHosts insecure_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;
  std::map<std::string, std::chrono::steady_clock::time_point> silent_;  ///< Mirrors, and until when.
};

/// One user's requests to one repository of one registry: identified, redirected, tried again.
class Session {
 public:
  Session(HttpClient& client, TokenAuth& tokens, Endpoint endpoint, std::vector<std::string> scopes,
          Credentials credentials, const gantry::Call& call)
      : client_(client),
        tokens_(tokens),
        endpoint_(std::move(endpoint)),
        scopes_(std::move(scopes)),
        credentials_(std::move(credentials)),
        call_(call) {}

  /// The same for another call.
  Session(const Session& other, const gantry::Call& call)
      : Session(other.client_, other.tokens_, other.endpoint_, other.scopes_, other.credentials_, call) {}

  /// "https://host/v2/<path>".
  [[nodiscard]] Url url(const std::string& path) const { return endpoint_.base.resolve(path); }

  /// Sends the request and follows redirects of GET and HEAD; the answer's status is the caller's business, but for
  /// 401, 429 and 5xx, which were tried again where that could help. Errors: io, denied, cancelled.
  Response send(Request request);

  /// Sends a request about an upload once; a location on another host gets no credentials. Errors: TransportError,
  /// denied, cancelled.
  Response send_upload(Request request);

  /// `Get "https://host/v2/..."`, as errors begin.
  static std::string label(const Request& request);

  [[nodiscard]] const gantry::Call& call() const noexcept { return call_; }

 private:
  Response follow(Request request);
  Response authorized(Request request);
  [[nodiscard]] std::optional<std::string> authorization(const Request& request);
  [[nodiscard]] const Challenge* challenge(const std::string& scheme) const;

  HttpClient& client_;
  TokenAuth& tokens_;
  Endpoint endpoint_;
  std::vector<std::string> scopes_;
  Credentials credentials_;
  const gantry::Call& call_;
};

/// Waits, but not beyond the call's cancellation.
void pause(std::chrono::milliseconds time, const gantry::Call& call);

/// How long to wait before the next of several tries; `retry_after` is the header's value. 20 s at the most.
std::chrono::milliseconds backoff(int attempt, const std::string& retry_after);

}  // namespace hub
