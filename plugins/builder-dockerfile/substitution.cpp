#include "substitution.hpp"

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

/// Whether all of `text` matches; "*" is tried again from where it last stood, so time stays within length times
/// length.
bool matches(std::string_view text, std::string_view pattern, std::size_t& work_left) {
  spend(work_left, 1);
  std::size_t at = 0;
  std::size_t rule = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_at = 0;
  while (at < text.size()) {
    spend(work_left, 1);
    const bool escaped = rule + 1 < pattern.size() && pattern[rule] == '\\';
    if (rule < pattern.size() && !escaped && pattern[rule] == '*') {
      star = rule++;
      star_at = at;
    } else if (rule < pattern.size() &&
               (escaped ? pattern[rule + 1] == text[at] : pattern[rule] == '?' || pattern[rule] == text[at])) {
      rule += escaped ? 2 : 1;
      ++at;
    } else if (star != std::string_view::npos) {
      rule = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (rule < pattern.size() && pattern[rule] == '*') ++rule;
  return rule == pattern.size();
}

}  // namespace

void spend(std::size_t& work_left, std::size_t cost) {
  if (cost > work_left) {
    work_left = 0;
    throw Error{Errc::invalid, "there is too much to replace"};
  }
  work_left -= cost;
}

std::string without_prefix(std::string_view value, std::string_view pattern, bool longest, std::size_t& work_left) {
  for (std::size_t step = 0; step <= value.size(); ++step) {
    const std::size_t size = longest ? value.size() - step : step;
    if (matches(value.substr(0, size), pattern, work_left)) return std::string{value.substr(size)};
  }
  return std::string{value};
}

std::string without_suffix(std::string_view value, std::string_view pattern, bool longest, std::size_t& work_left) {
  for (std::size_t step = 0; step <= value.size(); ++step) {
    const std::size_t size = longest ? value.size() - step : step;
    if (matches(value.substr(value.size() - size), pattern, work_left))
      return std::string{value.substr(0, value.size() - size)};
  }
  return std::string{value};
}

std::string replaced(std::string_view value, std::string_view pattern, std::string_view by, bool all,
                     std::size_t& work_left) {
  std::string out;
  bool more = true;
  for (std::size_t at = 0; at < value.size();) {
    std::size_t size = more ? value.size() - at : 0;
    while (size > 0 && !matches(value.substr(at, size), pattern, work_left)) --size;
    if (size == 0) {
      out += value[at++];
      continue;
    }
    out += by;
    at += size;
    more = all;
  }
  return out;
}

}  // namespace gantry::dockerfile
