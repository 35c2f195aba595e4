#include "parse/reference.hpp"

#include <algorithm>
#include <cctype>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

[[noreturn]] void fail() { throw InvalidValue("invalid reference format"); }

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_path_component(const std::string& part) {
  return !part.empty() && is_lower_alnum(part.front()) && is_lower_alnum(part.back()) &&
         std::all_of(part.begin(), part.end(),
                     [](char c) { return is_lower_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_tag(const std::string& tag) {
  return !tag.empty() && tag.size() <= 128 && tag[0] != '.' && tag[0] != '-' &&
         std::all_of(tag.begin(), tag.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
         });
}

bool is_domain(const std::string& first) {
  return first.find_first_of(".:") != std::string::npos || first == "localhost" || lower(first) != first;
}

bool is_digest(const std::string& text) {
  const auto pair = cut(text, ':');
  return pair && pair->second.size() >= 32 && std::all_of(pair->second.begin(), pair->second.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string Reference::with_default_tag() const {
  std::string out = name;
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest;
  return tag.empty() && digest.empty() ? out + ":latest" : out;
}

std::string Reference::domain() const {
  const auto slash = name.find('/');
  const std::string first = name.substr(0, slash);
  return slash != std::string::npos && is_domain(first) ? first : "docker.io";
}

Reference parse_reference(const std::string& text) {
  Reference reference;
  reference.name = text;
  if (const auto at = cut(reference.name, '@')) {
    reference.name = at->first;
    reference.digest = at->second;
    if (!is_digest(reference.digest)) fail();
  }
  const auto colon = reference.name.rfind(':');
  if (colon != std::string::npos && reference.name.find('/', colon) == std::string::npos) {
    reference.tag = reference.name.substr(colon + 1);
    reference.name.erase(colon);
    if (!is_tag(reference.tag)) fail();
  }
  for (const char* hub : {"docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/"}) {
    if (starts_with(reference.name, hub)) reference.name.erase(0, std::string_view(hub).size());
  }
  std::string path = reference.name;
  if (const auto slash = path.find('/'); slash != std::string::npos && is_domain(path.substr(0, slash))) {
    path.erase(0, slash + 1);
  }
  if (lower(path) != path) {
    const std::string shown = path.find('/') == std::string::npos ? "library/" + path : path;
    throw InvalidValue("invalid reference format: repository name (" + shown + ") must be lowercase");
  }
  for (const std::string& part : split(path, '/')) {
    if (!is_path_component(part)) fail();
  }
  return reference;
}

}  // namespace gantry::cli
