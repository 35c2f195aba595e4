#include "node.hpp"

#include <utility>

#include "text.hpp"

namespace gantry::dockerfile {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;

/// The lines of a text, each with its line feed.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }

  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
    rest_.remove_prefix(line.size());
    ++number_;
    if (line.size() > kLongestLine) {
      throw Error{Errc::invalid, "dockerfile line greater than maximum allowed size of 1048576"};
    }
    return true;
  }

  [[nodiscard]] std::size_t number() const noexcept { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

std::string_view without_newline(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

bool is_comment(std::string_view line) { return trim_left(without_newline(line)).starts_with('#'); }

/// "# name = value" at the top of the file.
class Directives {
 public:
  Directives(char& escape, std::string& check) : escape_(escape), check_(check) {}

  /// Answers whether the line is one.
  bool take(std::string_view line) {
    if (done_) return false;
    line = trim(line);
    const std::size_t equals = line.find('=');
    if (!line.starts_with('#') || equals == std::string_view::npos) {
      done_ = true;
      return false;
    }
    const std::string name = lower(trim(line.substr(1, equals - 1)));
    const std::string_view value = trim(line.substr(equals + 1));
    if (name == "escape") {
      take_escape(value);
    } else if (name == "syntax" || name == "check") {
      once(name == "syntax" ? syntax_seen_ : check_seen_, name);
      if (name == "check") check_ = value;
    } else {
      done_ = true;
    }
    return !done_;
  }

 private:
  static void once(bool& seen, const std::string& name) {
    if (std::exchange(seen, true)) throw Error{Errc::invalid, "only one " + name + " parser directive can be used"};
  }

  void take_escape(std::string_view value) {
    once(escape_seen_, "escape");
    if (value != "\\" && value != "`") {
      throw Error{Errc::invalid, "invalid escape token '" + std::string{value} + "' does not match ` or \\"};
    }
    escape_ = value.front();
  }

  char& escape_;
  std::string& check_;
  bool done_ = false;
  bool escape_seen_ = false;
  bool syntax_seen_ = false;
  bool check_seen_ = false;
};

/// Takes the escape character off the end of a line that goes on. False if it does not.
bool continues(std::string_view& line, char escape) {
  std::string_view end = line;
  while (!end.empty() && (end.back() == ' ' || end.back() == '\t')) end.remove_suffix(1);
  if (end.empty() || end.back() != escape) return false;
  end.remove_suffix(1);
  if (!end.empty() && end.back() == escape) return false;
  line = end;
  return true;
}

/// The rest of an instruction whose first line ended in the escape character.
/// Answers whether there was an empty line in it.
bool read_continuation(Lines& lines, char escape, std::string& out) {
  std::string_view raw;
  bool gap = false;
  while (lines.next(raw)) {
    if (is_comment(raw)) continue;
    if (trim(raw).empty()) {
      gap = true;
      continue;
    }
    std::string_view line = without_newline(raw);
    const bool more = continues(line, escape);
    out += line;
    if (out.size() > kLongestLine) throw Error{Errc::invalid, "an instruction is longer than 1048576 bytes"};
    if (!more) break;
  }
  return gap;
}

/// A line between instructions: an empty one, or an empty comment, parts what is above from what is below.
void note_comment(std::string_view line, std::vector<std::string>& comments) {
  const std::string_view text = line.empty() ? line : trim(line.substr(1));
  if (text.empty()) {
    comments.clear();
  } else {
    comments.emplace_back(text);
  }
}

void read_heredoc(Lines& lines, Heredoc& heredoc, std::size_t start) {
  std::string_view raw;
  while (lines.next(raw)) {
    std::string_view line = raw;
    if (heredoc.strip_tabs) {
      while (line.starts_with('\t')) line.remove_prefix(1);
    }
    if (without_newline(line) == heredoc.name) return;
    heredoc.content += line;
  }
  throw_at(start, "unterminated heredoc");
}

bool can_contain_heredoc(const Node& node) {
  std::string name = lower(node.name);
  if (name == "onbuild") name = lower(parse_node(node.rest, '\\').name);
  return name == "add" || name == "copy" || name == "run";
}

/// Takes the words that start with "--" off the front of an instruction's arguments.
std::string_view take_flags(std::string_view text, char escape, std::vector<std::string>& flags) {
  for (;;) {
    text = trim_left(text);
    if (!text.starts_with("--")) return text;
    std::string word;
    char quoted = 0;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
      const char c = text[at];
      if (quoted == 0 && is_space(c)) break;
      if (c == escape && at + 1 < text.size() && quoted != '\'') {
        word += text[++at];
      } else if (quoted == 0 && (c == '"' || c == '\'')) {
        quoted = c;
      } else if (c == quoted) {
        quoted = 0;
      } else {
        word += c;
      }
    }
    text.remove_prefix(at);
    if (word == "--") return trim_left(text);
    flags.push_back(std::move(word));
  }
}

}  // namespace

void throw_at(std::size_t line, const std::string& message) {
  throw Error{Errc::invalid, "dockerfile parse error on line " + std::to_string(line) + ": " + message};
}

Node parse_node(std::string_view line, char escape) {
  Node node;
  node.original = line;
  line = trim(line);
  std::size_t end = 0;
  while (end < line.size() && !is_space(line[end])) ++end;
  node.name = line.substr(0, end);
  node.rest = trim(take_flags(line.substr(end), escape, node.flags));
  return node;
}

std::vector<Heredoc> announced_heredocs(std::string_view line) {
  std::vector<Heredoc> out;
  char quoted = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quoted != 0) {
      if (c == quoted) quoted = 0;
      continue;
    }
    if (c == '"' || c == '\'') quoted = c;
    if (c == '\\') ++at;
    if (!line.substr(at).starts_with("<<")) continue;
    // A word of its own, with perhaps a descriptor's number before it; "<<<" is no here-document.
    std::size_t word = at;
    while (word > 0 && line[word - 1] >= '0' && line[word - 1] <= '9') --word;
    const bool starts_word = word == 0 || is_space(line[word - 1]);
    Heredoc heredoc;
    at += 2;
    if (at < line.size() && line[at] == '-') {
      heredoc.strip_tabs = true;
      ++at;
    }
    char name_quote = 0;
    if (at < line.size() && (line[at] == '"' || line[at] == '\'')) {
      name_quote = line[at++];
      heredoc.expand = false;
    }
    const std::size_t start = at;
    while (at < line.size() && (name_quote != 0 ? line[at] != name_quote : !is_space(line[at]) && line[at] != '<'))
      ++at;
    heredoc.name = line.substr(start, at - start);
    const bool ends = at >= line.size() || name_quote != 0 || is_space(line[at]);
    if (starts_word && ends && !heredoc.name.empty()) out.push_back(std::move(heredoc));
  }
  return out;
}

Document parse_document(std::string_view text, const std::string& file) {
  Document document;
  Directives directives{document.escape, document.check};
  Lines lines{text};
  std::vector<std::string> comments;
  std::string_view raw;
  while (lines.next(raw)) {
    std::string_view line = trim_left(without_newline(raw));
    if (directives.take(line)) continue;
    if (line.empty() || line.starts_with('#')) {
      note_comment(line, comments);
      continue;
    }
    const std::size_t start = lines.number();
    const bool more = continues(line, document.escape);
    std::string whole{line};
    if (more && read_continuation(lines, document.escape, whole)) {
      document.warnings.push_back("[WARNING]: Empty continuation line found in: " + std::string{trim(whole)});
      document.gaps.push_back(lines.number());
    }
    if (trim(whole).empty()) continue;
    Node node = parse_node(whole, document.escape);
    node.line = start;
    if (whole.find("<<") != std::string::npos && can_contain_heredoc(node)) {
      node.heredocs = announced_heredocs(node.rest);
      for (Heredoc& heredoc : node.heredocs) read_heredoc(lines, heredoc, start);
    }
    node.last_line = lines.number();
    node.comments = std::exchange(comments, {});
    document.nodes.push_back(std::move(node));
  }
  if (!document.warnings.empty()) {
    document.warnings.emplace_back("[WARNING]: Empty continuation lines will become errors in a future release.");
  }
  if (document.nodes.empty()) {
    throw Error{Errc::invalid, "failed to parse " + file + ": file with no instructions"};
  }
  return document;
}

}  // namespace gantry::dockerfile
