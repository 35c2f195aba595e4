#include "api/router.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace gantry::api {

namespace {

// Empty segments are skipped: a name that is given as "/web" makes "/containers//web/json".
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    if (end > 0) segments.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

bool takes_rest(std::string_view segment) { return segment.ends_with(":*}"); }

std::string parameter_name(std::string_view segment) {
  segment.remove_prefix(1);
  segment.remove_suffix(takes_rest(segment) ? 3 : 1);
  return std::string{segment};
}

using Segments = std::span<const std::string>;

std::string join(Segments segments) {
  std::string out;
  for (const std::string& segment : segments) {
    if (!out.empty()) out += '/';
    out += segment;
  }
  return out;
}

bool match_segments(Segments pattern, Segments path, std::map<std::string, std::string>& parameters) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i]) && takes_rest(pattern[i])) {
      const std::size_t behind = pattern.size() - i - 1;
      if (path.size() < i + behind + 1) return false;
      const std::size_t count = path.size() - i - behind;
      parameters[parameter_name(pattern[i])] = join(path.subspan(i, count));
      return match_segments(pattern.subspan(i + 1), path.subspan(i + count), parameters);
    }
    if (i >= path.size()) return false;
    if (is_parameter(pattern[i])) {
      parameters[parameter_name(pattern[i])] = path[i];
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return pattern.size() == path.size();
}

}  // namespace

void Router::add(std::string method, std::string pattern, Handler handler, Version since) {
  routes_.push_back({std::move(method), split_path(pattern), std::move(handler), since});
}

Router::Match Router::match(const std::string& method, const std::string& path, Version version) const {
  const std::vector<std::string> segments = split_path(path);
  Match result;
  if (path.size() > 1 && path.ends_with('/')) return result;
  for (const Route& route : routes_) {
    if (version < route.since) continue;
    std::map<std::string, std::string> parameters;
    if (!match_segments(route.pattern, segments, parameters)) continue;
    result.path_known = true;
    if (route.method != method) continue;
    result.handler = &route.handler;
    result.parameters = std::move(parameters);
    return result;
  }
  return result;
}

}  // namespace gantry::api
