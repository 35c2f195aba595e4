#include "words.hpp"

#include <utility>

#include "gantry/error.hpp"
#include "substitution.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

bool starts_name(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// One pass over a word: quotes, escapes, variables.
class Expansion {
 public:
  Expansion(std::string_view text, char escape, const Variables& variables, bool raw, std::size_t* cost)
      : text_(text), escape_(escape), variables_(variables), raw_(raw), cost_(cost) {}
  ~Expansion() {
    if (cost_ != nullptr) *cost_ += kMostWork - work_left_;
  }
  Expansion(const Expansion&) = delete;
  Expansion& operator=(const Expansion&) = delete;

  std::string whole() {
    std::string out = until('\0');
    return out;
  }

  std::vector<std::string> words() {
    until('\0');
    end_word();
    return std::move(words_);
  }

 private:
  // Nested ${a:-${b:-...}} come from a stranger's file.
  static constexpr int kDeepest = 64;
  // So does what is made of variables that are made of variables. No instruction is longer.
  static constexpr std::size_t kLongest = std::size_t{1} << 20;
  // Comparing with patterns is the dearest.
  static constexpr std::size_t kMostWork = 16 * kLongest;

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  char take() { return text_[at_++]; }

  /// A piece of the result: blanks in it, if they are not quoted, split words.
  void put(std::string& out, std::string_view piece, bool quoted) {
    if (out.size() + piece.size() > kLongest) throw_too_long();
    spend(work_left_, piece.size());
    out += piece;
    if (depth_ > 0) return;
    for (const char c : piece) {
      if (!quoted && is_space(c)) {
        end_word();
      } else {
        word_ += c;
        in_word_ = true;
      }
    }
    if (quoted) in_word_ = true;
  }

  void end_word() {
    if (in_word_) words_.push_back(std::exchange(word_, {}));
    in_word_ = false;
  }

  std::string until(char end) {
    std::string out;
    while (!at_end() && (end == '\0' || peek() != end)) {
      const char c = peek();
      if (c == '\'' && !raw_) {
        put(out, single_quoted(), true);
      } else if (c == '"' && !raw_) {
        put(out, double_quoted(), true);
      } else if (c == '$') {
        put(out, dollar(), false);
      } else if (c == escape_) {
        take();
        // In a here-document only what would mean something is escaped.
        if (raw_ && peek() != '$' && peek() != escape_) put(out, std::string(1, escape_), false);
        if (!at_end()) put(out, std::string(1, take()), true);
      } else {
        put(out, std::string(1, take()), false);
      }
    }
    if (end != '\0' && at_end())
      throw Error{Errc::invalid, "unexpected end of statement while looking for matching " + std::string(1, end)};
    return out;
  }

  std::string single_quoted() {
    take();
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) {
      throw Error{Errc::invalid, "unexpected end of statement while looking for matching single-quote"};
    }
    std::string out{text_.substr(at_, end - at_)};
    at_ = end + 1;
    return out;
  }

  std::string double_quoted() {
    take();
    std::string out;
    while (!at_end()) {
      const char c = peek();
      if (c == '"') {
        take();
        return out;
      }
      if (c == '$') {
        const std::string value = dollar();
        if (out.size() + value.size() > kLongest) throw_too_long();
        spend(work_left_, value.size());
        out += value;
        continue;
      }
      take();
      if (c == escape_ && !at_end() && (peek() == '"' || peek() == '$' || peek() == escape_)) {
        out += take();
      } else {
        out += c;
      }
    }
    throw Error{Errc::invalid, "unexpected end of statement while looking for matching double-quote"};
  }

  std::string name() {
    const std::size_t start = at_;
    if (starts_name(peek())) {
      while (starts_name(peek()) || is_digit(peek())) ++at_;
    } else if (is_digit(peek())) {
      while (is_digit(peek())) ++at_;
    } else if (!at_end() && std::string_view{"@*#?-$!"}.find(peek()) != std::string_view::npos) {
      ++at_;
    }
    return std::string{text_.substr(start, at_ - start)};
  }

  std::optional<std::string> value_of(const std::string& variable) {
    auto value = variables_(variable);
    if (value) spend(work_left_, value->size());
    return value;
  }

  std::string dollar() {
    take();
    if (peek() == '{') {
      take();
      return braced();
    }
    const std::string variable = name();
    return variable.empty() ? "$" : value_of(variable).value_or("");
  }

  std::string braced() {
    if (at_end()) throw Error{Errc::invalid, "syntax error: missing '}'"};
    if (peek() == '{' || peek() == '}' || peek() == ':') throw Error{Errc::invalid, "bad substitution"};
    const std::string variable = name();
    const auto value = value_of(variable);
    const char c = at_end() ? '\0' : take();
    switch (c) {
      case '}':
        return value.value_or("");
      case ':': {
        const char modifier = at_end() ? '\0' : take();
        if (modifier != '-' && modifier != '+' && modifier != '?') throw_modifier(modifier);
        return with_default(variable, value, modifier, value && !value->empty());
      }
      case '-':
      case '+':
      case '?':
        return with_default(variable, value, c, value.has_value());
      case '#':
      case '%': {
        const bool greedy = peek() == c;
        if (greedy) take();
        const std::string pattern = word_until('}');
        return c == '#' ? without_prefix(value.value_or(""), pattern, greedy, work_left_)
                        : without_suffix(value.value_or(""), pattern, greedy, work_left_);
      }
      case '/': {
        const bool all = peek() == '/';
        if (all) take();
        const std::string pattern = word_until('/');
        const std::string replacement = word_until('}');
        return replaced(value.value_or(""), pattern, replacement, all, work_left_);
      }
      default:
        throw_modifier(c);
    }
  }

  /// What stands behind a modifier, itself expanded.
  std::string word_until(char end) {
    if (depth_ >= kDeepest) throw Error{Errc::invalid, "variables are nested too deeply"};
    ++depth_;
    std::string out = until(end);
    --depth_;
    take();
    return out;
  }

  std::string with_default(const std::string& variable, const std::optional<std::string>& value, char modifier,
                           bool set) {
    const std::string word = word_until('}');
    if (modifier == '+') return set ? word : "";
    if (set) return *value;
    if (modifier == '-') return word;
    throw Error{Errc::invalid, variable + ": " + (word.empty() ? "is not allowed to be unset" : word)};
  }

  [[noreturn]] static void throw_modifier(char modifier) {
    const std::string shown = modifier == '\0' ? "\xef\xbf\xbd" : std::string(1, modifier);
    throw Error{Errc::invalid, "unsupported modifier (" + shown + ") in substitution"};
  }

  [[noreturn]] static void throw_too_long() {
    throw Error{Errc::invalid, "what the variables make of it is longer than " + std::to_string(kLongest) + " bytes"};
  }

  std::string_view text_;
  char escape_;
  const Variables& variables_;
  bool raw_;
  std::size_t* cost_;
  std::size_t work_left_ = kMostWork;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::string> words_;
  std::string word_;
  bool in_word_ = false;
};

template <class Work>
auto explained(std::string_view text, Work work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error{error.code(), "failed to process " + quote(text) + ": " + error.what()};
  }
}

}  // namespace

std::vector<std::string> quoted_words(std::string_view text, char escape) {
  std::vector<std::string> out;
  std::string word;
  bool in_word = false;
  char quoted = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted == 0 && is_space(c)) {
      if (in_word) out.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    word += c;
    in_word = true;
    if (c == escape && quoted != '\'' && at + 1 < text.size()) {
      word += text[++at];
    } else if (quoted != 0) {
      if (c == quoted) quoted = 0;
    } else if (c == '"' || c == '\'') {
      quoted = c;
    }
  }
  if (in_word) out.push_back(std::move(word));
  return out;
}

std::string expand(std::string_view word, char escape, const Variables& variables, std::size_t* cost) {
  return explained(word, [&] { return Expansion{word, escape, variables, false, cost}.whole(); });
}

std::vector<std::string> expand_words(std::string_view text, char escape, const Variables& variables,
                                      std::size_t* cost) {
  return explained(text, [&] { return Expansion{text, escape, variables, false, cost}.words(); });
}

std::string expand_raw(std::string_view text, char escape, const Variables& variables, std::size_t* cost) {
  return explained(text, [&] { return Expansion{text, escape, variables, true, cost}.whole(); });
}

}  // namespace gantry::dockerfile
