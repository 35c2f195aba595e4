#include "path_patterns/pattern.hpp"

#include <algorithm>

namespace gantry::path_patterns {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

/// One character of `[...]`; -1 if the class does not end.
int class_matches(std::string_view pattern, std::size_t& at, char c) {
  const bool inverted = at < pattern.size() && (pattern[at] == '^' || pattern[at] == '!');
  if (inverted) ++at;
  bool found = false;
  bool first = true;
  const auto take = [&]() {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    return pattern[at++];
  };
  for (; at < pattern.size(); first = false) {
    if (pattern[at] == ']' && !first) {
      ++at;
      return found != inverted ? 1 : 0;
    }
    const char low = take();
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      ++at;
      high = take();
    }
    if (low <= c && c <= high) found = true;
  }
  return -1;
}

/// Where one pattern stands: iterating, so that no pattern takes more than length times length.
class Match {
 public:
  Match(std::string_view path, std::string_view pattern, bool deep) : path_(path), pattern_(pattern), deep_(deep) {}

  bool whole() {
    while (at_ < path_.size()) {
      if (!step() && !back()) return false;
    }
    while (rule_ < pattern_.size() && pattern_[rule_] == '*') ++rule_;
    // "a/**" is what is in a, not a itself; "**" at the end of nothing else is all.
    return rule_ == pattern_.size();
  }

 private:
  bool step() {
    if (rule_ >= pattern_.size()) return false;
    const char c = path_[at_];
    const char rule = pattern_[rule_];
    if (deep_ && pattern_.substr(rule_).starts_with("**")) {
      rule_ += 2;
      // "**/" is no directory, too.
      if (rule_ < pattern_.size() && pattern_[rule_] == '/') ++rule_;
      deep_at_ = at_;
      deep_rule_ = rule_;
      star_rule_ = std::string_view::npos;
      return true;
    }
    if (rule == '*') {
      star_rule_ = ++rule_;
      star_at_ = at_;
      return true;
    }
    if (rule == '?' && c != '/') return advance(1);
    if (rule == '[') {
      std::size_t end = rule_ + 1;
      if (c == '/' || class_matches(pattern_, end, c) != 1) return false;
      rule_ = end;
      ++at_;
      return true;
    }
    if (rule == '\\' && rule_ + 1 < pattern_.size()) return pattern_[rule_ + 1] == c && advance(2);
    return rule == c && advance(1);
  }

  bool advance(std::size_t rules) {
    rule_ += rules;
    ++at_;
    return true;
  }

  /// Lets the last star take one character more.
  bool back() {
    if (star_rule_ != std::string_view::npos && path_[star_at_] != '/') {
      at_ = ++star_at_;
      rule_ = star_rule_;
      return true;
    }
    if (deep_rule_ == std::string_view::npos) return false;
    star_rule_ = std::string_view::npos;
    at_ = ++deep_at_;
    rule_ = deep_rule_;
    return true;
  }

  std::string_view path_;
  std::string_view pattern_;
  bool deep_;
  std::size_t at_ = 0;
  std::size_t rule_ = 0;
  std::size_t star_rule_ = std::string_view::npos;
  std::size_t star_at_ = 0;
  std::size_t deep_rule_ = std::string_view::npos;
  std::size_t deep_at_ = 0;
};

}  // namespace

std::string clean_in_root(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      const std::size_t slash = out.rfind('/');
      out.resize(slash == std::string::npos ? 0 : slash);
      continue;
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

bool has_wildcard(std::string_view path) noexcept {
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '\\') {
      ++at;
    } else if (path[at] == '*' || path[at] == '?' || path[at] == '[') {
      return true;
    }
  }
  return false;
}

bool matches_path(std::string_view path, std::string_view pattern) { return Match{path, pattern, false}.whole(); }

IgnorePatterns IgnorePatterns::parse(std::string_view file) {
  if (file.starts_with("\xef\xbb\xbf")) file.remove_prefix(3);
  std::vector<std::string> lines;
  while (!file.empty()) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    if (!file.starts_with('#')) lines.emplace_back(file.substr(0, end));
    file.remove_prefix(std::min(end + 1, file.size()));
  }
  return IgnorePatterns{lines};
}

IgnorePatterns::IgnorePatterns(const std::vector<std::string>& patterns) {
  for (const std::string& line : patterns) {
    std::string_view text = trimmed(line);
    Rule rule;
    rule.take_back = text.starts_with('!');
    if (rule.take_back) text = trimmed(text.substr(1));
    rule.pattern = clean_in_root(text);
    if (!rule.pattern.empty()) rules_.push_back(std::move(rule));
  }
}

bool IgnorePatterns::takes_back() const noexcept {
  return std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return rule.take_back; });
}

bool IgnorePatterns::matches(std::string_view path) const {
  bool ignored = false;
  for (const Rule& rule : rules_) {
    // Only a rule that changes something is looked at.
    if (ignored != rule.take_back) continue;
    for (std::size_t end = path.size();; end = path.rfind('/', end - 1)) {
      if (end == std::string_view::npos) break;
      if (Match{path.substr(0, end), rule.pattern, true}.whole()) {
        ignored = !rule.take_back;
        break;
      }
      if (end == 0) break;
    }
  }
  return ignored;
}

}  // namespace gantry::path_patterns
