#include "format/reindent.hpp"

namespace gantry::cli {

namespace {

// The string that begins at `start`, with its quotes.
std::string_view quoted(std::string_view json, std::size_t start) {
  std::size_t end = start + 1;
  while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
  return json.substr(start, end + 1 - start);
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

std::string reindent(std::string_view json, std::size_t level) {
  std::string out;
  const auto line = [&] { out += "\n" + std::string(level * 4, ' '); };
  bool opened = false;  // a bracket is open and nothing stands in it yet
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (is_space(c)) continue;
    if (opened && c != ']' && c != '}') {
      opened = false;
      ++level;
      line();
    }
    if (c == '"') {
      const auto text = quoted(json, i);
      out += text;
      i += text.size() - 1;
    } else if (c == '{' || c == '[') {
      out += c;
      opened = true;
    } else if (c == ',') {
      out += c;
      line();
    } else if (c == ':') {
      out += ": ";
    } else if (c == '}' || c == ']') {
      if (opened) {
        opened = false;
      } else if (level > 0) {
        --level;
        line();
      }
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace gantry::cli
