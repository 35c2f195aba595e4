#include "format/columns.hpp"

#include <algorithm>
#include <vector>

namespace gantry::cli {

namespace {

using Line = std::vector<std::string_view>;

std::vector<std::string_view> split_views(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

class Layout {
 public:
  Layout(const std::vector<Line>& lines, Columns columns) : lines_(lines), columns_(columns) {}

  std::string run() {
    block(0, lines_.size());
    return std::move(out_);
  }

 private:
  // Writes the lines [first, last); the columns in widths_ are laid out already.
  void block(std::size_t first, std::size_t last) {
    const std::size_t column = widths_.size();
    std::size_t line = first;
    while (line < last) {
      if (column + 1 >= lines_[line].size()) {
        write(lines_[line++]);
        continue;
      }
      const std::size_t start = line;
      std::size_t width = columns_.least;
      for (; line < last && column + 1 < lines_[line].size(); ++line) {
        width = std::max(width, characters(lines_[line][column]) + columns_.padding);
      }
      widths_.push_back(width);
      block(start, line);
      widths_.pop_back();
    }
  }

  void write(const Line& line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      out_ += line[i];
      if (i < widths_.size() && i + 1 < line.size()) out_.append(widths_[i] - characters(line[i]), ' ');
    }
    out_ += '\n';
  }

  const std::vector<Line>& lines_;
  Columns columns_;
  std::vector<std::size_t> widths_;
  std::string out_;
};

}  // namespace

std::string align(std::string_view text, Columns columns) {
  std::vector<Line> lines;
  for (const auto line : split_views(text, '\n')) lines.push_back(split_views(line, '\t'));
  std::string out = Layout(lines, columns).run();
  out.pop_back();
  return out;
}

}  // namespace gantry::cli
