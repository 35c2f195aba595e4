#include "images/reference.hpp"

#include <algorithm>
#include <cctype>

#include "base/digest.hpp"
#include "base/id.hpp"

namespace gantry::images {
namespace {

constexpr std::string_view kDefaultHost = "docker.io";
constexpr std::string_view kOfficial = "library/";
constexpr std::size_t kMaxName = 255;

bool is_lower_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_word(char c) noexcept { return is_lower_or_digit(c) || is_upper(c) || c == '_'; }

[[noreturn]] void refuse_reference(const std::string& detail = {}) {
  throw Error{Errc::invalid, "invalid reference format" + (detail.empty() ? "" : ": " + detail)};
}

/// path-component := [a-z0-9]+ (separator [a-z0-9]+)*, separator := [_.] | "__" | "-"+
bool is_path_component(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto take_alphanumeric = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_lower_or_digit(text[at])) ++at;
    return at > start;
  };
  if (!take_alphanumeric()) return false;
  while (at < text.size()) {
    if (text.substr(at).starts_with("__")) {
      at += 2;
    } else if (text[at] == '_' || text[at] == '.') {
      ++at;
    } else if (text[at] == '-') {
      while (at < text.size() && text[at] == '-') ++at;
    } else {
      return false;
    }
    if (!take_alphanumeric()) return false;
  }
  return true;
}

bool is_path(std::string_view path) noexcept {
  while (true) {
    const auto slash = path.find('/');
    if (!is_path_component(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_port(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_domain_label(std::string_view label) noexcept {
  const auto alphanumeric = [](char c) { return is_lower_or_digit(c) || is_upper(c); };
  return !label.empty() && alphanumeric(label.front()) && alphanumeric(label.back()) &&
         std::all_of(label.begin(), label.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

/// domain := (labels | "[" ipv6 "]") [":" port]
bool is_domain(std::string_view host) noexcept {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos || end < 2) return false;
    const auto address = host.substr(1, end - 1);
    const bool valid = std::all_of(address.begin(), address.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
    });
    const auto rest = host.substr(end + 1);
    return valid && (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1))));
  }
  if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    if (!is_port(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
  }
  while (true) {
    const auto dot = host.find('.');
    if (!is_domain_label(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

/// Whether the part before the first slash is a host, as Docker decides it.
bool looks_like_host(std::string_view part) {
  return part.find_first_of(".:") != std::string_view::npos || part == "localhost" ||
         std::any_of(part.begin(), part.end(), is_upper);
}

void split_host(std::string_view name, Reference& out) {
  const auto slash = name.find('/');
  if (slash != std::string_view::npos && looks_like_host(name.substr(0, slash))) {
    out.host = name.substr(0, slash);
    out.path = name.substr(slash + 1);
    if (out.host == "index.docker.io") out.host = kDefaultHost;
  } else {
    out.host = kDefaultHost;
    out.path = name;
  }
  if (out.host == kDefaultHost && out.path.find('/') == std::string::npos) out.path.insert(0, kOfficial);
}

std::string suffix(const Reference& reference) {
  std::string text;
  if (!reference.tag.empty()) text += ":" + reference.tag;
  if (!reference.digest.empty()) text += "@" + reference.digest;
  return text;
}

}  // namespace

bool is_tag(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 128 && is_word(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

std::string Reference::name() const { return host + "/" + path; }

std::string Reference::familiar_name() const {
  if (host != kDefaultHost) return name();
  if (path.starts_with(kOfficial) && path.find('/', kOfficial.size()) == std::string::npos) {
    return path.substr(kOfficial.size());
  }
  return path;
}

std::string Reference::str() const { return name() + suffix(*this); }
std::string Reference::familiar() const { return familiar_name() + suffix(*this); }

Reference Reference::with_default_tag() const { return tag.empty() && digest.empty() ? with_tag("latest") : *this; }

Reference Reference::with_tag(std::string new_tag) const {
  if (!is_tag(new_tag)) throw Error{Errc::invalid, "invalid tag format"};
  Reference result{*this};
  result.tag = std::move(new_tag);
  result.digest.clear();
  return result;
}

Reference Reference::with_digest(std::string new_digest) const {
  Reference result{*this};
  result.tag.clear();
  result.digest = std::move(new_digest);
  return result;
}

Reference parse_reference(std::string_view text) {
  if (text.empty() || text.size() > 4096) refuse_reference();
  if (text.size() == 64 && is_hex(text)) {
    throw Error{Errc::invalid,
                "invalid repository name (" + std::string{text} + "), cannot specify 64-byte hexadecimal strings"};
  }
  Reference out;
  std::string_view name = text;
  if (const auto at = name.find('@'); at != std::string_view::npos) {
    out.digest = name.substr(at + 1);
    if (!is_sha256_digest(out.digest)) refuse_reference();
    name = name.substr(0, at);
  }
  const auto slash = name.rfind('/');
  const auto colon = name.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag = name.substr(colon + 1);
    if (!is_tag(out.tag)) refuse_reference();
    name = name.substr(0, colon);
  }
  split_host(name, out);
  if (std::any_of(out.path.begin(), out.path.end(), is_upper)) {
    refuse_reference("repository name (" + out.path + ") must be lowercase");
  }
  if (!is_domain(out.host) || !is_path(out.path)) refuse_reference();
  if (out.name().size() > kMaxName) refuse_reference("repository name must not be more than 255 characters");
  return out;
}

std::optional<Reference> parse_place(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || !text.substr(colon + 1).starts_with('/')) return std::nullopt;
  std::string place{text.substr(colon + 1)};
  std::string tag;
  if (const auto at = place.rfind(':'); at != std::string::npos && at > place.rfind('/')) {
    tag = place.substr(at + 1);
    if (!is_tag(tag)) throw Error{Errc::invalid, "invalid tag format"};
    place.resize(at);
  }
  while (place.size() > 1 && place.back() == '/') place.pop_back();
  std::string name = place.substr(place.rfind('/') + 1);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  Reference out = parse_reference(name);
  out.tag = tag;
  out.transport = text.substr(0, colon);
  out.place = place;
  return out;
}

std::string familiar(const std::string& normalized) { return parse_reference(normalized).familiar(); }

}  // namespace gantry::images
