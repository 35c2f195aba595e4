#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::path_patterns {

/// Without "." and empty parts; ".." goes up, at most to the root. Relative.
std::string clean_in_root(std::string_view path);

/// Whether there is a wildcard in a source of COPY.
bool has_wildcard(std::string_view path) noexcept;

/// As Go's filepath.Match: "*" and "?" do not match a slash; [a-z], [^a]; a backslash takes a meaning away.
bool matches_path(std::string_view path, std::string_view pattern);

/// The lines of a .dockerignore, in order: a later one decides, "!" takes back, "**" goes through directories; what is
/// in a directory that matches, matches.
class IgnorePatterns {
 public:
  /// Without comments and empty lines.
  static IgnorePatterns parse(std::string_view file);
  explicit IgnorePatterns(const std::vector<std::string>& patterns);

  [[nodiscard]] bool matches(std::string_view path) const;
  /// Whether something in what matches might be taken back.
  [[nodiscard]] bool takes_back() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return rules_.size(); }

 private:
  struct Rule {
    std::string pattern;
    bool take_back{};
  };
  std::vector<Rule> rules_;
};

}  // namespace gantry::path_patterns
