#include "containers/filter_match.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <regex>

#include "base/timestamp.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

bool has_label(const std::map<std::string, std::string>& labels, const std::string& term) {
  const std::size_t equals = term.find('=');
  const auto found = labels.find(term.substr(0, equals));
  return found != labels.end() && (equals == std::string::npos || found->second == term.substr(equals + 1));
}

// "1h2m3.5s" in nanoseconds.
bool parse_duration(std::string_view text, double& nanoseconds) {
  nanoseconds = 0;
  if (text.empty()) return false;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || number < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    struct Unit {
      std::string_view name;
      double factor;
    };
    constexpr Unit units[]{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"h", 3.6e12}, {"m", 6e10}, {"s", 1e9}};
    const auto* unit =
        std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return text.starts_with(u.name); });
    if (unit == std::end(units)) return false;
    text.remove_prefix(unit->name.size());
    nanoseconds += number * unit->factor;
  }
  return true;
}

}  // namespace

void check_terms(const Filter& filter, const std::set<std::string>& known) {
  for (const auto& [name, values] : filter.terms) {
    if (!known.contains(name)) throw Error{Errc::invalid, "invalid filter '" + name + "'"};
  }
}

bool matches_labels(const std::map<std::string, std::string>& labels, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& term) { return has_label(labels, term); });
}

Nanoseconds parse_time(const std::string& text) {
  if (const auto time = parse_timestamp(text)) return *time;
  const std::size_t dot = text.find('.');
  std::int64_t seconds = 0;
  const char* const end = text.data() + std::min(dot, text.size());
  const auto [stop, error] = std::from_chars(text.data(), end, seconds);
  if (error == std::errc{} && stop == end) {
    std::string fraction = dot == std::string::npos ? "" : text.substr(dot + 1);
    const bool digits = std::all_of(fraction.begin(), fraction.end(), [](char c) { return c >= '0' && c <= '9'; });
    constexpr std::int64_t kFarthest = 9'000'000'000;  // what is farther away than nanoseconds can tell is for ever
    if (digits && seconds > -kFarthest) {
      if (seconds >= kFarthest) return std::numeric_limits<Nanoseconds>::max();
      fraction.resize(9, '0');  // nanoseconds: more digits say nothing
      return seconds * 1'000'000'000 + std::stoll(fraction);
    }
  }
  double duration = 0;
  const bool ahead = text.starts_with('-');
  const bool is_signed = ahead || text.starts_with('+');
  if (parse_duration(std::string_view{text}.substr(is_signed ? 1 : 0), duration)) {
    constexpr double kFarthest = 7e18;  // what is farther away is for ever
    const auto distance = static_cast<Nanoseconds>(std::min(duration, kFarthest));
    return ahead ? now() + distance : now() - distance;
  }
  throw Error{Errc::invalid, "failed to parse value as time or duration: \"" + text + "\""};
}

bool matches_text(const std::string& pattern, const std::string& text) {
  if (pattern.size() > 256) throw Error{Errc::invalid, "invalid filter: the pattern is too long"};
  if (text.find(pattern) != std::string::npos) return true;
  try {
    return std::regex_search(text, std::regex(pattern, std::regex::extended));
  } catch (const std::regex_error&) {
    return false;
  }
}

bool matches_prune(const Container& container, const Filter& filter) {
  for (const auto& [name, values] : filter.terms) {
    if (name == "label" && !matches_labels(container.config.labels, values)) return false;
    if (name == "label!") {
      for (const auto& term : values) {
        if (has_label(container.config.labels, term)) return false;
      }
    }
    if (name == "until") {
      if (!values.empty() && container.created >= parse_time(values.front())) return false;
    }
  }
  return true;
}

}  // namespace gantry::containers
