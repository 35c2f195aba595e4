#include "source_excerpt.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "text.hpp"

namespace gantry::dockerfile {

std::string source_excerpt(const std::string& name, std::string_view text, std::size_t first, std::size_t last) {
  const std::vector<std::string> lines = split(text, '\n');
  if (first < 1 || first > lines.size()) return {};
  last = std::clamp(last, first, lines.size());
  std::size_t start = first;
  std::size_t end = last;
  // As BuildKit counts: a line before and a line behind make one more than two.
  const int around = first == last ? 4 : 2;
  for (int shown = 0; shown < around; ++shown) {
    if (start > 1) {
      --start;
      ++shown;
    }
    if (end != lines.size()) {
      ++end;
      ++shown;
    }
  }
  std::string out = name + ":" + std::to_string(first) + "\n--------------------\n";
  for (std::size_t at = start; at <= end; ++at) {
    char number[32];
    std::snprintf(number, sizeof number, " %3zu | ", at);
    out += number + std::string{at >= first && at <= last ? ">>> " : "    "} + lines[at - 1] + "\n";
  }
  return out + "--------------------\n";
}

std::size_t line_named_in(std::string_view message) {
  constexpr std::string_view kWords = " error on line ";
  const std::size_t at = message.find(kWords);
  if (at == std::string_view::npos) return 0;
  return std::strtoul(std::string{message.substr(at + kWords.size(), 10)}.c_str(), nullptr, 10);
}

void show_source(builder::v1::Session& session, std::size_t step, const Context& context, std::size_t first,
                 std::size_t last) {
  auto* display = static_cast<builder::v1::Display*>(session.query(builder::v1::Display::kService));
  if (display == nullptr || first == 0) return;
  const std::string text = source_excerpt(context.recipe_name(), context.recipe(), first, std::max(first, last));
  if (!text.empty()) display->report({builder::v1::StepReport::Kind::source, step, text});
}

}  // namespace gantry::dockerfile
