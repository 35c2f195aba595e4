#include "format/wrap.hpp"

namespace gantry::cli {

namespace {

// A last word may stand a little over the width, so that it does not stand alone.
constexpr std::size_t kSlop = 5;

std::string indented(std::string_view text, std::size_t indent) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out.append(indent, ' ');
  }
  return out;
}

std::string_view take_line(std::string_view& text, std::size_t width) {
  const auto whole = text;
  const std::size_t space =
      width + kSlop > text.size() ? std::string_view::npos : text.substr(0, width).find_last_of(" \t\n");
  if (space == std::string_view::npos || space == 0) {
    text = {};
    return whole;
  }
  const std::size_t newline = text.substr(0, width).rfind('\n');
  const std::size_t cut = newline != std::string_view::npos && newline > 0 && newline < space ? newline : space;
  text.remove_prefix(cut + 1);
  return whole.substr(0, cut);
}

}  // namespace

std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  constexpr std::size_t kLeast = 24;
  if (width == 0) return indented(text, indent);
  std::string out;
  if (width < indent + kLeast) {
    indent = 16;
    out = "\n" + std::string(indent, ' ');
    if (width < indent + kLeast) return indented(text, indent);
  }
  const std::size_t room = width - indent - kSlop;
  out += indented(take_line(text, room), indent);
  while (!text.empty()) out += "\n" + std::string(indent, ' ') + indented(take_line(text, room), indent);
  return out;
}

}  // namespace gantry::cli
