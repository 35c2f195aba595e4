#include "base/block_yaml.hpp"

#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "gantry/error.hpp"

namespace gantry {
namespace {

using Json = nlohmann::json;

struct YamlLine {
  std::size_t indent;
  std::string text;
  int number;
};

std::string trimmed_end(std::string text) {
  text.erase(text.find_last_not_of(" \t\r") + 1);
  return text;
}

// A "#" behind a blank begins a comment, unless it is quoted.
std::string without_comment(const std::string& text) {
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == '\\' && quote == '"')
        ++at;
      else if (c == quote)
        quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' && (at == 0 || text[at - 1] == ' ')) {
      return text.substr(0, at);
    }
  }
  return text;
}

class YamlReader {
 public:
  explicit YamlReader(const std::string& text) {
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      line = trimmed_end(without_comment(line));
      const std::size_t indent = line.find_first_not_of(' ');
      if (indent == std::string::npos || line == "---" || line.starts_with('%')) continue;
      if (line == "...") break;
      lines_.push_back({indent, line.substr(indent), number});
    }
  }

  Json document() {
    if (lines_.empty()) return nullptr;
    Json value = block(lines_.front().indent);
    if (at_ < lines_.size()) fail("unexpected indentation");
    return value;
  }

 private:
  static constexpr int kDeepest = 32;

  [[noreturn]] void fail(const std::string& why) const {
    const int number = at_ < lines_.size() ? lines_[at_].number : lines_.back().number;
    throw Error{Errc::invalid, "yaml: line " + std::to_string(number) + ": " + why};
  }

  [[nodiscard]] bool is_item() const { return lines_[at_].text == "-" || lines_[at_].text.starts_with("- "); }
  [[nodiscard]] bool goes_on(std::size_t indent) const { return at_ < lines_.size() && lines_[at_].indent == indent; }

  Json block(std::size_t indent) {
    if (++depth_ > kDeepest) fail("too deep");
    Json value = is_item() ? sequence(indent) : mapping(indent);
    --depth_;
    return value;
  }

  Json sequence(std::size_t indent) {
    Json items = Json::array();
    while (goes_on(indent) && is_item()) {
      YamlLine& line = lines_[at_];
      const std::size_t rest = line.text.find_first_not_of(' ', 1);
      if (rest == std::string::npos) {
        ++at_;
        items.push_back(nested(indent));
        continue;
      }
      const std::string content = line.text.substr(rest);
      if (key_end(content) == std::string::npos && !content.starts_with("- ")) {
        ++at_;
        items.push_back(scalar(content));
        continue;
      }
      // The item's own block begins on the line of its dash.
      line.indent = indent + rest;
      line.text = content;
      items.push_back(block(line.indent));
    }
    return items;
  }

  Json mapping(std::size_t indent) {
    Json map = Json::object();
    while (goes_on(indent) && !is_item()) {
      const std::string text = lines_[at_].text;
      const std::size_t end = key_end(text);
      if (end == std::string::npos) fail("could not find expected ':'");
      const Json key = scalar(text.substr(0, end));
      const std::size_t value = text.find_first_not_of(' ', end + 1);
      ++at_;
      const std::string name = key.is_string() ? key.get<std::string>() : key.dump();
      if (value != std::string::npos)
        map[name] = scalar(text.substr(value));
      else if (goes_on(indent) && is_item())
        map[name] = block(indent);
      else
        map[name] = nested(indent);
    }
    return map;
  }

  Json nested(std::size_t indent) {
    if (at_ >= lines_.size() || lines_[at_].indent <= indent) return nullptr;
    return block(lines_[at_].indent);
  }

  // Where the colon of "key: value" is.
  static std::size_t key_end(const std::string& text) {
    std::size_t at = 0;
    if (text.starts_with('"') || text.starts_with('\'')) {
      at = text.find(text[0], 1);
      if (at == std::string::npos) return at;
    } else if (text.starts_with('{') || text.starts_with('[')) {
      return std::string::npos;
    }
    for (at = text.find(':', at); at != std::string::npos; at = text.find(':', at + 1)) {
      if (at + 1 == text.size() || text[at + 1] == ' ') return at;
    }
    return at;
  }

  [[nodiscard]] Json scalar(const std::string& text) const {
    if (text.starts_with('"') || text.starts_with('{') || text.starts_with('[')) {
      Json value = Json::parse(text, nullptr, false);
      if (value.is_discarded()) fail("flow style that is no JSON: " + text);
      return value;
    }
    if (text.starts_with('\'')) return single_quoted(text);
    if (text.starts_with('|') || text.starts_with('>') || text.starts_with('&') || text.starts_with('*')) {
      fail("not supported: " + text);
    }
    if (text == "true" || text == "false") return text == "true";
    if (text == "null" || text == "~") return nullptr;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size() && (text == "0" || text[0] != '0')) return number;
    return text;
  }

  [[nodiscard]] std::string single_quoted(const std::string& text) const {
    if (text.size() < 2 || text.back() != '\'') fail("a quote is not closed");
    std::string out;
    for (std::size_t at = 1; at + 1 < text.size(); ++at) {
      out += text[at];
      if (text[at] == '\'') ++at;
    }
    return out;
  }

  std::vector<YamlLine> lines_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

nlohmann::json parse_block_yaml(const std::string& text) { return YamlReader{text}.document(); }

}  // namespace gantry
