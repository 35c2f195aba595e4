#include "url.hpp"

#include <algorithm>
#include <array>

#include "gantry/error.hpp"

namespace hub {
namespace {

[[noreturn]] void refuse(std::string_view text) {
  throw gantry::Error{gantry::Errc::invalid,
                      "\"" + std::string{text.substr(0, 200)} + "\" is not an http or https URL"};
}

std::string default_port(const std::string& scheme) { return scheme == "https" ? "443" : "80"; }

/// "host", "host:port", "[::1]:port".
void parse_authority(std::string_view text, Url& out, std::string_view whole) {
  if (const auto at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) refuse(whole);
    out.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    out.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  if (rest.starts_with(':')) out.port = rest.substr(1);
  if (out.port.empty()) out.port = default_port(out.scheme);
  const bool digits = std::all_of(out.port.begin(), out.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (out.host.empty() || !digits || out.port.size() > 5) refuse(whole);
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(scheme)) text += ":" + port;
  return text;
}

std::string Url::str() const { return scheme + "://" + authority() + target; }

bool Url::same_origin(const Url& other) const {
  return host == other.host && port == other.port && scheme == other.scheme;
}

Url Url::resolve(std::string_view reference) const {
  reference = reference.substr(0, reference.find('#'));
  if (reference.starts_with("http://") || reference.starts_with("https://")) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url(scheme + ":" + std::string{reference});
  Url out{*this};
  if (reference.starts_with('/')) {
    out.target = reference;
  } else {
    const std::string path = target.substr(0, target.find('?'));
    out.target = reference.starts_with('?') ? path : path.substr(0, path.rfind('/') + 1);
    out.target += reference;
  }
  const bool printable =
      std::all_of(out.target.begin(), out.target.end(), [](unsigned char c) { return c > 32 && c != 127; });
  if (!printable) refuse(reference);
  return out;
}

Url Url::with_query(std::string_view key, std::string_view value) const {
  Url out{*this};
  out.target += out.target.find('?') == std::string::npos ? '?' : '&';
  out.target += std::string{key} + "=" + escape(value);
  return out;
}

Url parse_url(std::string_view text) {
  Url out;
  std::string_view rest = text;
  for (const std::string_view scheme : {"https", "http"}) {
    if (rest.starts_with(scheme) && rest.substr(scheme.size()).starts_with("://")) {
      out.scheme = scheme;
      rest.remove_prefix(scheme.size() + 3);
      break;
    }
  }
  if (out.scheme.empty() || text.size() > 16384) refuse(text);
  const auto end = rest.find_first_of("/?#");
  parse_authority(rest.substr(0, end), out, text);
  out.target = end == std::string_view::npos ? "/" : std::string{rest.substr(end)};
  if (const auto fragment = out.target.find('#'); fragment != std::string::npos) out.target.resize(fragment);
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  const bool printable =
      std::all_of(out.target.begin(), out.target.end(), [](unsigned char c) { return c > 32 && c != 127; });
  if (!printable) refuse(text);
  return out;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); });
  return text;
}

std::string escape(std::string_view text) {
  static constexpr std::array<char, 16> digits{'0', '1', '2', '3', '4', '5', '6', '7',
                                               '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

}  // namespace hub
