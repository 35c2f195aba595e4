// What a registry or its token server may answer, whatever it is.

#include <cstdlib>
#include <string>

#include "drivers/silent_call.hpp"
#include "fuzz_target.hpp"
#include "manifest_requests.hpp"
#include "registry_error.hpp"
#include "scripted_server.hpp"
#include "token_auth.hpp"

namespace {

using namespace hub;

/// Answers every request with the input, byte for byte, and in the end that there is no more.
class Registry {
 public:
  void answer_with(std::string_view text) {
    text_ = text;
    left_ = kPages;
  }
  Request request() const {
    Request out;
    out.url = base().resolve("a/manifests/1");
    return out;
  }
  Url base() const { return parse_url("http://" + server_.host() + "/v2/"); }

 private:
  static constexpr int kPages = 12;

  std::string text_;
  int left_ = 0;
  ScriptedServer server_{"127.0.0.1", [this](const ScriptedServer::Request&) {
                           return left_-- > 0 ? text_ : respond(200, R"({"tags":[]})");
                         }};
};

template <class Work>
void try_out(const Work& work) {
  try {
    work();
  } catch (const gantry::Error&) {
  } catch (const TransportError&) {
  }
}

void read_headers(const Response& response, const Url& at) {
  for (const std::string& header : response.headers("WWW-Authenticate")) {
    for (const Challenge& challenge : parse_challenges(header)) {
      if (challenge.scheme.empty()) std::abort();
      try_out([&] { static_cast<void>(parse_url(challenge.get("realm"))); });
    }
  }
  for (const char* name : {"Location", "Link"}) {
    try_out([&] {
      const Url next = at.resolve(response.header(name));
      if (parse_url(next.str()).str() != next.str()) std::abort();
    });
  }
}

}  // namespace

FUZZ_TARGET(text) {
  static Registry registry;
  static HttpClient client{{}, Proxies{"", "", ""}};
  static TokenAuth tokens{client};
  const gantry::conformance::SilentCall call;
  const gantry::registry::v1::Repository repository{"host", "a"};
  registry.answer_with(text);
  unsigned status = 0;
  try_out([&] {
    Response response = client.send(registry.request(), call);
    status = response.status();
    read_headers(response, registry.base());
    const gantry::Error error = to_pull_error(response, "Get", repository, "1");
    if (std::string_view{error.what()}.empty()) std::abort();
  });
  try_out([&] {
    Response response = client.send(registry.request(), call);
    const Token token = parse_token(response.text(std::size_t{64} << 10));
    if (token.text.empty() || token.lifetime.count() < 60 || token.lifetime.count() > 86400) std::abort();
  });
  // Others are tried again after a pause, or lead elsewhere.
  if (status != 200) return;
  Session session{client, tokens, {registry.base(), false, true, {}}, {}, {}, call};
  try_out([&] {
    gantry::registry::v1::Manifest manifest;
    get_manifest(session, repository, "1", manifest);
  });
  try_out([&] { static_cast<void>(list_tags(session, repository)); });
}
