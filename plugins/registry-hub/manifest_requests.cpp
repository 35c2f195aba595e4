#include "manifest_requests.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "registry_error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

constexpr std::size_t kMaxManifest = std::size_t{4} << 20;
/// Of all pages.
constexpr std::size_t kMaxTags = std::size_t{8} << 20;
constexpr int kMaxPages = 1000;

constexpr std::array kAccept{"application/vnd.docker.distribution.manifest.v2+json",
                             "application/vnd.docker.distribution.manifest.list.v2+json",
                             "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"};

/// The target of a Link header with rel="next" (RFC 8288); empty if there is none.
std::string next_page(const std::string& link) {
  const auto begin = link.find('<');
  const auto end = link.find('>', begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos || link.find("rel=\"next\"", end) == std::string::npos)
    return {};
  return link.substr(begin + 1, end - begin - 1);
}

}  // namespace

void get_manifest(Session& session, const Repository& repository, const std::string& reference, Manifest& out) {
  Request request;
  request.url = session.url(repository.path + "/manifests/" + reference);
  for (const char* type : kAccept) request.headers.emplace_back("Accept", type);
  Response response = session.send(request);
  if (response.status() != 200) throw to_pull_error(response, Session::label(request), repository, reference);
  out.media_type = response.header("Content-Type");
  out.digest = response.header("Docker-Content-Digest");
  try {
    out.content = response.text(kMaxManifest);
  } catch (const TransportError& error) {
    throw Error{Errc::io, Session::label(request) + ": " + error.what()};
  }
}

void put_manifest(Session& session, const Repository& repository, const std::string& reference,
                  const Manifest& manifest) {
  Request request;
  request.method = "PUT";
  request.url = session.url(repository.path + "/manifests/" + reference);
  request.headers.emplace_back("Content-Type", manifest.media_type);
  request.text = manifest.content;
  Response response = session.send(request);
  if (response.status() != 201 && response.status() != 200) throw to_error(response, Session::label(request));
  response.discard();
}

std::vector<std::string> list_tags(Session& session, const Repository& repository) {
  std::vector<std::string> tags;
  std::size_t size = 0;
  Request request;
  request.url = session.url(repository.path + "/tags/list");
  for (int page = 0; page < kMaxPages; ++page) {
    Response response = session.send(request);
    if (response.status() != 200) throw to_pull_error(response, Session::label(request), repository, "");
    const std::string next = next_page(response.header("Link"));
    std::string body;
    try {
      body = response.text(kMaxTags - size);
    } catch (const TransportError& error) {
      throw Error{Errc::io, Session::label(request) + ": " + error.what()};
    }
    const auto document = nlohmann::json::parse(body, nullptr, false);
    const auto list = document.is_object() ? document.find("tags") : document.end();
    if (!document.is_object() || list == document.end())
      throw Error{Errc::invalid, Session::label(request) + ": not a list of tags"};
    // No copy of it: a copy recurses as deep as a registry likes to nest.
    static const auto none = nlohmann::json::array();
    for (const auto& tag : list->is_array() ? *list : none) {
      if (tag.is_string()) tags.push_back(tag.get<std::string>());
    }
    size += body.size();
    if (next.empty()) return tags;
    const Url following = request.url.resolve(next);
    if (!following.same_origin(request.url))
      throw Error{Errc::invalid, Session::label(request) + ": the next page is elsewhere"};
    request.url = following;
  }
  return tags;
}

}  // namespace hub
