#include "api/platform_query.hpp"

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"
#include "images/bounded_json.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kMaxPlatform = std::size_t{1} << 20;

images::Platform decode_platform(const std::string& text) {
  const auto object = images::parse_bounded(text, kMaxPlatform, "failed to parse platform");
  const auto member = [&](const char* name) -> std::string {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return {};
    if (!found->is_string()) {
      throw Error{Errc::invalid, std::string{"failed to parse platform: \""} + name + "\" is not a string"};
    }
    return found->get<std::string>();
  };
  images::Platform out{member("os"), member("architecture"), member("variant")};
  if (out.os.empty() && out.architecture.empty() && !out.variant.empty()) {
    throw Error{Errc::invalid, "optional platform fields provided, but OS and Architecture are missing"};
  }
  if (out.os.empty() || out.architecture.empty()) {
    throw Error{Errc::invalid, "both OS and Architecture must be provided"};
  }
  return out;
}

}  // namespace

std::optional<images::Platform> platform(const Request& request) {
  const std::string text = request.get("platform");
  if (text.empty()) return {};
  return decode_platform(text);
}

std::vector<images::Platform> platforms(const Request& request, std::string_view name) {
  std::vector<images::Platform> out;
  for (const std::string& text : request.all(name)) out.push_back(decode_platform(text));
  return out;
}

std::optional<images::Platform> single_platform(const Request& request) {
  const auto found = platforms(request, "platform");
  if (found.size() > 1) throw Error{Errc::invalid, "only one platform may be given"};
  return found.empty() ? std::nullopt : std::optional{found.front()};
}

std::optional<images::Platform> archive_platform(const Request& request) {
  if (request.version < Version{1, 48}) return {};
  if (request.all("platform").size() > 1) {
    throw Error{Errc::invalid, request.version < Version{1, 52}
                                   ? "multiple platform parameters are not supported in this API version; use API "
                                     "version 1.52 or later"
                                   : "multiple platforms not supported for this image store: an image here has one "
                                     "platform, so name one"};
  }
  return single_platform(request);
}

}  // namespace gantry::api
