#include <cstdlib>

#include "fuzz_target.hpp"
#include "path_patterns/pattern.hpp"

FUZZ_TARGET(text) {
  using namespace gantry::path_patterns;
  const std::size_t half = text.size() / 2;
  const auto patterns = IgnorePatterns::parse(text.substr(0, half));
  const std::string path = clean_in_root(text.substr(half));
  if (path.starts_with("..") && (path.size() == 2 || path[2] == '/')) std::abort();
  if (patterns.matches(path) && patterns.empty()) std::abort();
  static_cast<void>(matches_path(path, text.substr(0, half)));
}
