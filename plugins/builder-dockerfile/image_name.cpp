#include "image_name.hpp"

#include <algorithm>

namespace gantry::dockerfile {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter_or_digit(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_tag(std::string_view tag) {
  constexpr std::size_t kLongest = 128;
  if (tag.empty() || tag.size() > kLongest || tag.front() == '.' || tag.front() == '-') return false;
  return std::all_of(tag.begin(), tag.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view digest) {
  constexpr std::size_t kShortest = 32;
  const std::size_t colon = digest.find(':');
  if (colon == std::string_view::npos || colon == 0 || digest.size() - colon - 1 < kShortest) return false;
  return std::all_of(digest.begin() + static_cast<std::ptrdiff_t>(colon) + 1, digest.end(), is_hex);
}

/// Between letters and digits: one ".", one or two "_", any number of "-".
bool is_component(std::string_view part) {
  if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back())) return false;
  for (std::size_t at = 0; at < part.size();) {
    if (is_lower_or_digit(part[at])) {
      ++at;
      continue;
    }
    const char mark = part[at];
    const std::size_t start = at;
    while (part[at] == mark) ++at;
    const std::size_t run = at - start;
    const bool allowed = mark == '-' || (mark == '.' && run == 1) || (mark == '_' && run <= 2);
    if (!allowed || !is_lower_or_digit(part[at])) return false;
  }
  return true;
}

bool is_host(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? "" : host.substr(colon + 1);
  const std::string_view name = host.substr(0, colon);
  if (name.empty() || !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  return (colon == std::string_view::npos || !port.empty()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-'; });
}

}  // namespace

bool is_image_name(std::string_view name) {
  constexpr std::size_t kId = 64;
  if (name.size() == kId && std::all_of(name.begin(), name.end(), is_hex)) return false;
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) {
    if (!is_digest(name.substr(at + 1))) return false;
    name = name.substr(0, at);
  }
  const std::size_t last = name.rfind('/');
  const std::size_t colon = name.find(':', last == std::string_view::npos ? 0 : last);
  if (colon != std::string_view::npos) {
    if (!is_tag(name.substr(colon + 1))) return false;
    name = name.substr(0, colon);
  }
  // What is before the first slash is a host if it looks like one.
  const std::size_t slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  const bool has_capitals = std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  const bool host = slash != std::string_view::npos &&
                    (first.find_first_of(".:") != std::string_view::npos || first == "localhost" || has_capitals);
  if (host) {
    if (!is_host(first)) return false;
    name.remove_prefix(slash + 1);
  }
  for (;;) {
    const std::size_t end = name.find('/');
    if (!is_component(name.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 1);
  }
}

}  // namespace gantry::dockerfile
