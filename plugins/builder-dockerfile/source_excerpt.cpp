#include "source_excerpt.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "text.hpp"

namespace gantry::dockerfile {

namespace {

/// Nobody reads more, and a finding for each of a thousand variables may be about the same lines.
constexpr std::size_t kLongestExcerpt = 16384;

/// The lines from `first` to `last`, those that there are.
std::vector<std::string_view> lines_of(std::string_view text, std::size_t first, std::size_t last) {
  std::vector<std::string_view> out;
  for (std::size_t number = 1; number <= last; ++number) {
    const std::size_t end = text.find('\n');
    if (number >= first) out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace

std::string source_excerpt(const std::string& name, std::string_view text, std::size_t first, std::size_t last) {
  // Two more on each side than are ever shown.
  constexpr std::size_t kAround = 6;
  if (first < 1) return {};
  const std::size_t lowest = first > kAround ? first - kAround : 1;
  const std::vector<std::string_view> lines = lines_of(text, lowest, std::max(first, last) + kAround);
  const std::size_t highest = lowest + lines.size() - 1;
  if (lines.empty() || first > highest) return {};
  last = std::clamp(last, first, highest);
  std::size_t start = first;
  std::size_t end = last;
  // As BuildKit counts: a line before and a line behind make one more than two.
  const int around = first == last ? 4 : 2;
  for (int shown = 0; shown < around; ++shown) {
    if (start > 1) {
      --start;
      ++shown;
    }
    if (end != highest) {
      ++end;
      ++shown;
    }
  }
  std::string out = name + ":" + std::to_string(first) + "\n--------------------\n";
  for (std::size_t at = start; at <= end && out.size() < kLongestExcerpt; ++at) {
    char number[32];
    std::snprintf(number, sizeof number, " %3zu | ", at);
    out += number;
    out += at >= first && at <= last ? ">>> " : "    ";
    out += lines[at - lowest].substr(0, kLongestExcerpt - std::min(out.size(), kLongestExcerpt));
    out += '\n';
  }
  if (out.size() >= kLongestExcerpt) out += "[...]\n";
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
