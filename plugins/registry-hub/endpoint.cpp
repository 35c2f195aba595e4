#include "endpoint.hpp"

#include <algorithm>

#include "registry_error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

constexpr std::chrono::minutes kKeep{5};
/// Or each blob of an image would wait for a mirror that is gone.
constexpr std::chrono::seconds kSilence{30};

std::string ping_label(const Url& base) { return "Get \"" + base.str() + "\""; }

}  // namespace

Endpoint Endpoints::find(const std::string& host, const gantry::Call& call) {
  if (auto known = kept(host)) return *std::move(known);
  const std::string serving = serving_host(host);
  std::vector<Url> candidates{parse_url("https://" + serving + "/v2/")};
  const bool insecure = this->insecure(serving, call);
  if (insecure) candidates.push_back(parse_url("http://" + serving + "/v2/"));
  return ask(host, candidates, insecure, call);
}

Endpoint Endpoints::find_mirror(const Url& base, const gantry::Call& call) {
  const std::string url = base.str();
  if (auto known = kept(url)) return *std::move(known);
  {
    const std::lock_guard lock{mutex_};
    const auto found = silent_.find(url);
    if (found != silent_.end() && std::chrono::steady_clock::now() < found->second) {
      throw Error{Errc::io, ping_label(base) + ": it did not answer a moment ago"};
    }
  }
  try {
    return ask(url, {base}, !base.secure() || insecure(base.authority(), call), call);
  } catch (const Error& error) {
    if (error.code() != Errc::cancelled) leave_alone(base);
    throw;
  }
}

void Endpoints::leave_alone(const Url& base) {
  const std::lock_guard lock{mutex_};
  kept_.erase(base.str());
  // Not longer for being asked meanwhile.
  auto& until = silent_[base.str()];
  const auto now = std::chrono::steady_clock::now();
  if (until <= now) until = now + kSilence;
}

bool Endpoints::insecure(const std::string& host, const gantry::Call& call) const {
  if (insecure_.contains(host)) return true;
  return !client_.proxied(parse_url("https://" + host)) && insecure_.contains_address_of(host, call);
}

void Endpoints::forget(const std::string& host) {
  const std::lock_guard lock{mutex_};
  kept_.erase(host);
}

std::optional<Endpoint> Endpoints::kept(const std::string& key) {
  const std::lock_guard lock{mutex_};
  const auto found = kept_.find(key);
  if (found == kept_.end() || std::chrono::steady_clock::now() >= found->second.until) return {};
  return found->second.endpoint;
}

Endpoint Endpoints::ask(const std::string& key, const std::vector<Url>& candidates, bool insecure,
                        const gantry::Call& call) {
  std::string why;
  for (const Url& base : candidates) {
    try {
      Endpoint endpoint = ping(base, insecure, call);
      const std::lock_guard lock{mutex_};
      kept_[key] = {endpoint, std::chrono::steady_clock::now() + kKeep};
      return endpoint;
    } catch (const TransportError& error) {
      why = ping_label(base) + ": " + error.what();
    }
  }
  throw Error{Errc::io, why};
}

Endpoint Endpoints::ping(const Url& base, bool insecure, const gantry::Call& call) {
  Request request;
  request.url = base;
  request.verify = !insecure;
  Response response = client_.send(request, call);
  for (int attempt = 0; attempt < 3 && (response.status() == 429 || response.status() >= 500); ++attempt) {
    pause(backoff(attempt, response.header("Retry-After")), call);
    response = client_.send(request, call);
  }
  // A registry may redirect its ping (to https, to a path): the place that it names counts, if it is the same host.
  if (response.status() >= 500) throw to_error(response, ping_label(base));
  Endpoint endpoint{base, request.verify, insecure, {}};
  for (const std::string& header : response.headers("WWW-Authenticate")) {
    for (Challenge& challenge : parse_challenges(header)) endpoint.challenges.push_back(std::move(challenge));
  }
  response.discard();
  return endpoint;
}

}  // namespace hub
