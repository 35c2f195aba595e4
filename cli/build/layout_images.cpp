#include "build/layout_images.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "build/context_archive.hpp"
#include "client/pending_file.hpp"
#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {
namespace {

constexpr std::string_view kLayout = "oci-layout://";

std::vector<std::string> send_layout(Context& context, ContextArchive& archive) {
  const auto exchange = context.client().upload("POST", "/images/load?quiet=1", [&] { return archive.next(); },
                                                {{"Content-Type", "application/x-tar"}});
  std::vector<std::string> out;
  const std::string answer = exchange->read_body();
  constexpr std::string_view kLoaded = "Loaded image ID: ";
  for (std::size_t at = 0; (at = answer.find(kLoaded, at)) != std::string::npos;) {
    at += kLoaded.size();
    out.push_back(answer.substr(at, answer.find_first_of("\\\"\n", at) - at));
  }
  return out;
}

struct LayoutPlace {
  std::string directory;
  std::string tag;
  std::string digest;
};

LayoutPlace parse_layout_place(const std::string& place) {
  LayoutPlace out;
  out.directory = place.substr(kLayout.size());
  if (const auto at = out.directory.find("@sha256:"); at != std::string::npos) {
    out.digest = out.directory.substr(at + 1);
    out.directory.erase(at);
  }
  const auto colon = out.directory.rfind(':');
  if (colon == std::string::npos || out.directory.find('/', colon) != std::string::npos) return out;
  out.tag = out.directory.substr(colon + 1);
  out.directory.erase(colon);
  return out;
}

std::string tag_in_layout(const Json& entry) {
  const auto annotations = entry.find("annotations");
  return annotations == entry.end() ? "" : annotations->value("org.opencontainers.image.ref.name", "");
}

/// The one manifest that is meant.
Json choose_manifest(const Json& manifests, const LayoutPlace& place) {
  const std::string tag = place.tag.empty() ? "latest" : place.tag;
  for (const Json& entry : manifests) {
    const bool meant = place.digest.empty() ? tag_in_layout(entry) == tag : entry.value("digest", "") == place.digest;
    if (meant) return entry;
  }
  if (place.digest.empty() && place.tag.empty() && manifests.size() == 1) return manifests.front();
  throw Failure("the OCI layout " + place.directory + " has no image " + (place.digest.empty() ? tag : place.digest));
}

}  // namespace

std::vector<std::string> load_layout(Context& context, const std::string& directory) {
  ContextArchive archive{directory, path_patterns::IgnorePatterns{std::vector<std::string>{}}, {}};
  return send_layout(context, archive);
}

bool is_layout(const std::string& place) { return place.starts_with(kLayout); }

std::string load_from_layout(Context& context, const std::string& text) {
  const LayoutPlace place = parse_layout_place(text);
  Json index = Json::parse(whole_file(place.directory + "/index.json"), nullptr, false);
  const auto manifests = index.find("manifests");
  if (!index.is_object() || manifests == index.end() || !manifests->is_array()) {
    throw Failure(place.directory + " is no OCI layout");
  }
  Json chosen = choose_manifest(*manifests, place);
  // It is only a build's: it gets no name.
  chosen.erase("annotations");
  *manifests = Json::array({std::move(chosen)});
  const path_patterns::IgnorePatterns without_index{std::vector<std::string>{"index.json", "manifest.json"}};
  ContextArchive archive{place.directory, without_index, {}};
  archive.add("index.json", index.dump());
  const auto ids = send_layout(context, archive);
  if (ids.size() != 1) throw Failure("the image of the OCI layout " + place.directory + " was not loaded");
  return ids.front();
}

}  // namespace gantry::cli
