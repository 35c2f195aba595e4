#include "driver.hpp"

#include <functional>
#include <nlohmann/json.hpp>

#include "blob_fetch.hpp"
#include "blob_push.hpp"
#include "endpoint.hpp"
#include "manifest_requests.hpp"
#include "mirrors.hpp"
#include "proxies.hpp"
#include "registry_error.hpp"
#include "registry_hosts.hpp"
#include "routes.hpp"

namespace hub {
namespace {

using gantry::Call;
using gantry::Errc;
using gantry::Error;
using gantry::OptionScope;
using gantry::OptionType;
using gantry::registry::v1::SearchResult;

constexpr std::size_t kMaxSearch = std::size_t{4} << 20;
constexpr const char* kHub = "docker.io";
/// Of all blobs together: 4 MiB each while they wait for their turn.
constexpr std::size_t kChunkPlaces = 8;

std::string option(const gantry::Options& options, const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? std::string{} : found->second;
}

std::size_t connections(const std::string& text) {
  if (text.empty()) return 4;
  if (text.size() == 1 && text[0] >= '1' && text[0] <= '8') return static_cast<std::size_t>(text[0] - '0');
  throw Error{Errc::invalid, "layer-connections needs a number from 1 to 8, not \"" + text + "\""};
}

std::vector<std::string> scopes_for(const Repository& repository, const std::string& actions) {
  return {"repository:" + repository.path + ":" + actions};
}

SearchResult parse_search_result(const nlohmann::json& item) {
  SearchResult result;
  const auto text = [&](const char* name) {
    const auto found = item.find(name);
    return found != item.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  result.name = text("name");
  result.description = text("description");
  if (const auto stars = item.find("star_count"); stars != item.end() && stars->is_number())
    result.stars = stars->get<int>();
  if (const auto official = item.find("is_official"); official != item.end() && official->is_boolean()) {
    result.official = official->get<bool>();
  }
  return result;
}

}  // namespace

struct Driver::Parts {
  explicit Parts(const gantry::Options& options)
      : routes(split_list(option(options, "registry-rewrites")), split_list(option(options, "registry-blocks"))),
        client(split_list(option(options, "certs-dirs")),
               Proxies{option(options, "http-proxy"), option(options, "https-proxy"), option(options, "no-proxy")}),
        tokens(client),
        endpoints(client, InsecureHosts{split_list(option(options, "insecure-registries"))}),
        mirrors(split_list(option(options, "registry-mirrors"))),
        layer_connections(connections(option(options, "layer-connections"))) {}

  Routes routes;
  HttpClient client;
  TokenAuth tokens;
  Endpoints endpoints;
  Mirrors mirrors;
  std::size_t layer_connections;
  ChunkPlaces chunk_places{kChunkPlaces};

  Session session(const std::string& host, std::vector<std::string> scopes, const Credentials& credentials,
                  const Call& call) {
    return {client, tokens, endpoints.find(host, call), std::move(scopes), credentials, call};
  }

  /// Where a repository really is, and what may be told there: credentials are for the registry that was named.
  struct Place {
    Repository repository;
    Credentials credentials;
  };
  Place place(const Repository& named, const Credentials& credentials) const {
    Place out{routes.resolve(named), credentials};
    if (out.repository.host != named.host) out.credentials = Credentials{};
    return out;
  }

  using Work = std::function<void(Session&, const Repository&)>;

  /// Runs `work` with the repository's mirrors, one after the other, then with its registry. Mirrors get no
  /// credentials.
  void with_mirrors(const Repository& repository, const Credentials& credentials, const Call& call, const Work& work) {
    for (const Mirrors::Place& mirror : mirrors.of(repository)) {
      if (const auto failure = failure_at(mirror, call, work)) {
        call.log(gantry::LogLevel::info, "mirror " + mirror.base.str() + ": " + *failure);
        continue;
      }
      return;
    }
    Session direct = session(repository.host, scopes_for(repository, "pull"), credentials, call);
    work(direct, repository);
  }

 private:
  std::optional<std::string> failure_at(const Mirrors::Place& mirror, const Call& call, const Work& work) {
    try {
      Session at_mirror{
          client,        tokens, endpoints.find_mirror(mirror.base, call), scopes_for(mirror.repository, "pull"),
          Credentials{}, call};
      work(at_mirror, mirror.repository);
      return {};
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled) throw;
      if (error.code() == Errc::io) endpoints.leave_alone(mirror.base);
      return error.what();
    } catch (const TransportError& error) {
      endpoints.leave_alone(mirror.base);
      return error.what();
    }
  }
};

namespace {

/// Every call: what the network did becomes the one exception that may leave.
template <class Work>
auto translated(Work work) {
  try {
    return work();
  } catch (const TransportError& error) {
    throw Error{Errc::io, error.what()};
  }
}

}  // namespace

Driver::Driver() = default;
Driver::~Driver() = default;

void Driver::capabilities(gantry::Capabilities& out) const { out = {"push", "search", "login", "tags"}; }

void Driver::options(std::vector<gantry::OptionInfo>& out) const {
  out = {{"insecure-registries", OptionType::list, OptionScope::driver, "",
          "Registries (host, host:port, CIDR) that may lack TLS or a valid certificate; loopback always may."},
         {"registry-mirrors", OptionType::list, OptionScope::driver, "",
          "Where to ask before a registry: \"quay.io=https://mirror.example.com/quay\", the longest prefix counts; a "
          "URL alone is a mirror of Docker Hub."},
         {"registry-rewrites", OptionType::list, OptionScope::driver, "",
          "Where repositories really are: \"docker.io/library=registry.example.com/hub\"; the longest prefix counts."},
         {"registry-blocks", OptionType::list, OptionScope::driver, "",
          "Prefixes of repositories that may not be reached: \"quay.io\", \"docker.io/someone\"."},
         {"http-proxy", OptionType::text, OptionScope::driver, "", "The proxy for http URLs."},
         {"https-proxy", OptionType::text, OptionScope::driver, "", "The proxy for https URLs."},
         {"no-proxy", OptionType::list, OptionScope::driver, "", "Hosts, domains and CIDRs that need no proxy."},
         {"certs-dirs", OptionType::list, OptionScope::driver, "/etc/docker/certs.d,/etc/gantry/certs.d",
          "Directories with <host:port>/{*.crt,*.cert,*.key}."},
         {"layer-connections", OptionType::integer, OptionScope::driver, "4",
          "Connections for a large layer that comes slowly by one, from 1 to 8."}};
}

void Driver::open(gantry::Host& host) { parts_ = std::make_unique<Parts>(host.options()); }

void Driver::get_manifest(const Repository& repository, const std::string& reference, const Credentials& credentials,
                          Manifest& out, const Call& call) {
  translated([&] {
    const auto at = parts_->place(repository, credentials);
    const auto work = [&](Session& session, const Repository& where) {
      hub::get_manifest(session, where, reference, out);
    };
    parts_->with_mirrors(at.repository, at.credentials, call, work);
  });
}

void Driver::get_blob(const Repository& repository, const Descriptor& blob, std::uint64_t offset,
                      const Credentials& credentials, gantry::ByteSink& sink, const Call& call) {
  translated([&] {
    const auto at = parts_->place(repository, credentials);
    // What a mirror brought before it failed is not asked for again.
    parts_->with_mirrors(at.repository, at.credentials, call, [&](Session& session, const Repository& where) {
      BlobFetch fetch{session, where, blob, offset, {parts_->chunk_places, parts_->layer_connections}};
      try {
        fetch.run(sink);
      } catch (...) {
        offset = fetch.at();
        throw;
      }
    });
  });
}

bool Driver::has_blob(const Repository& repository, const Descriptor& blob, const Credentials& credentials,
                      const Call& call) {
  return translated([&] {
    const auto at = parts_->place(repository, credentials);
    Session session = parts_->session(at.repository.host, scopes_for(at.repository, "pull,push"), at.credentials, call);
    return hub::has_blob(session, at.repository, blob);
  });
}

bool Driver::put_blob(const Repository& repository, const Descriptor& blob, const std::vector<std::string>& mount_from,
                      const Credentials& credentials, gantry::ByteSource& source, const Call& call) {
  return translated([&] {
    const auto at = parts_->place(repository, credentials);
    std::vector<std::string> scopes = scopes_for(at.repository, "pull,push");
    // The others' names are those of the registry that was named.
    std::vector<std::string> mounts = at.repository.host == repository.host ? mount_from : std::vector<std::string>{};
    for (const std::string& other : mounts) scopes.push_back("repository:" + other + ":pull");
    Session session = parts_->session(at.repository.host, std::move(scopes), at.credentials, call);
    return BlobPush{session, at.repository, blob, source}.run(mounts);
  });
}

void Driver::put_manifest(const Repository& repository, const std::string& reference, const Manifest& manifest,
                          const Credentials& credentials, const Call& call) {
  translated([&] {
    const auto at = parts_->place(repository, credentials);
    Session session = parts_->session(at.repository.host, scopes_for(at.repository, "pull,push"), at.credentials, call);
    hub::put_manifest(session, at.repository, reference, manifest);
  });
}

void Driver::list_tags(const Repository& repository, const Credentials& credentials, std::vector<std::string>& out,
                       const Call& call) {
  translated([&] {
    const auto at = parts_->place(repository, credentials);
    Session session = parts_->session(at.repository.host, scopes_for(at.repository, "pull"), at.credentials, call);
    out = hub::list_tags(session, at.repository);
  });
}

void Driver::login(const std::string& host, const Credentials& credentials, std::string& identity_token,
                   const Call& call) {
  translated([&] {
    parts_->routes.check_host(host);
    parts_->endpoints.forget(host);
    const Endpoint endpoint = parts_->endpoints.find(host, call);
    for (const Challenge& challenge : endpoint.challenges) {
      if (challenge.scheme != "bearer") continue;
      identity_token = parts_->tokens.login(challenge, credentials, endpoint.insecure, call);
      return;
    }
    Session session{parts_->client, parts_->tokens, endpoint, {}, credentials, call};
    Request request;
    request.url = endpoint.base;
    Response response = session.send(request);
    if (response.status() == 200) return;
    throw Error{Errc::denied,
                "login attempt to " + endpoint.base.str() + " failed with status: " + response.status_text()};
  });
}

void Driver::search(const std::string& host, const std::string& term, int limit, const Credentials& credentials,
                    std::vector<SearchResult>& out, const Call& call) {
  translated([&] {
    parts_->routes.check_host(host);
    Request request;
    // Docker Hub's search is the old registry's; it has no other.
    const bool insecure = host != kHub && parts_->endpoints.insecure(host, call);
    const std::string base = host == kHub
                                 ? "https://index.docker.io"
                                 : (insecure ? parts_->endpoints.find(host, call).base.scheme : "https") + "://" + host;
    request.url = parse_url(base + "/v1/search").with_query("q", term);
    request.url = request.url.with_query("n", std::to_string(limit > 0 ? limit : 25));
    request.verify = !insecure;
    request.headers.emplace_back("X-Docker-Token", "true");
    if (!credentials.username.empty()) request.headers.emplace_back("Authorization", basic_authorization(credentials));
    Response response = [&] {
      try {
        return parts_->client.send(request, call);
      } catch (const TransportError& error) {
        throw Error{Errc::io, "Get \"" + request.url.str() + "\": " + error.what()};
      }
    }();
    if (response.status() != 200) throw Error{Errc::io, "Unexpected status code " + std::to_string(response.status())};
    const auto document = nlohmann::json::parse(response.text(kMaxSearch), nullptr, false);
    const auto results = document.is_object() ? document.find("results") : document.end();
    if (!document.is_object() || results == document.end() || !results->is_array()) {
      throw Error{Errc::io, "the registry's answer to the search is not JSON"};
    }
    for (const auto& item : *results) {
      if (item.is_object()) out.push_back(parse_search_result(item));
    }
  });
}

}  // namespace hub
