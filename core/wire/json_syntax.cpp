#include "wire/json_syntax.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

namespace gantry::wire {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// A byte as Go quotes the rune of its number.
std::string quoted(char c) {
  static constexpr std::string_view kNamed = "\a\b\f\n\r\t\v\\'";
  static constexpr std::string_view kNames = "abfnrtv\\'";
  const auto byte = static_cast<unsigned char>(c);
  std::array<char, 8> text{};
  if (const auto at = kNamed.find(c); at != std::string_view::npos && c != '\0') {
    return std::string("'\\") + kNames[at] + "'";
  }
  if (byte >= 0xa1 && byte != 0xad) {
    return {'\'', static_cast<char>(0xc0U | byte >> 6U), static_cast<char>(0x80U | (byte & 0x3fU)), '\''};
  }
  if (byte >= 0x20 && byte < 0x7f) return {'\'', c, '\''};
  std::snprintf(text.data(), text.size(), byte < 0x80 ? "'\\x%02x'" : "'\\u%04x'", byte);
  return text.data();
}

/// Reads one value, without recursion; each step is false once there is a complaint.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string complaint() {
    bool more = begin_value();
    while (more && !open_.empty()) more = open_.back() == '{' ? member() : element();
    return std::move(complaint_);
  }

 private:
  bool fail(const std::string& where) {
    complaint_ = "invalid character " + quoted(text_[at_]) + " " + where;
    return false;
  }
  bool fail_at_end() {
    complaint_ = "unexpected EOF";
    return false;
  }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] bool is(char c) const { return !at_end() && text_[at_] == c; }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  /// The next character, if it is one that fits. True: it was taken.
  template <class Fits>
  bool take(Fits fits, const char* otherwise) {
    if (at_end()) return fail_at_end();
    if (!fits(text_[at_])) return fail(otherwise);
    ++at_;
    return true;
  }

  // Of an object or an array only its beginning: what is in it follows.
  bool begin_value() {
    skip_blanks();
    if (at_end()) return fail_at_end();
    const char c = text_[at_];
    if (c == '{' || c == '[') {
      open_.push_back(c);
      fresh_ = true;
      ++at_;
      return true;
    }
    if (c == '"') return string();
    if (c == '-' || is_digit(c)) return number();
    for (const std::string_view word : {"true", "false", "null"}) {
      if (c == word.front()) return literal(word);
    }
    return fail("looking for beginning of value");
  }

  bool member() {
    skip_blanks();
    if (at_end()) return fail_at_end();
    if (is('}') && (fresh_ || after_value_)) return close_value();
    if (after_value_) {
      after_value_ = false;
      if (!is(',')) return fail("after object key:value pair");
      ++at_;
      skip_blanks();
      if (at_end()) return fail_at_end();
    }
    if (!is('"')) return fail("looking for beginning of object key string");
    if (!string()) return false;
    skip_blanks();
    if (!take([](char c) { return c == ':'; }, "after object key")) return false;
    return value();
  }

  bool element() {
    skip_blanks();
    if (at_end()) return fail_at_end();
    if (is(']') && (fresh_ || after_value_)) return close_value();
    if (after_value_) {
      after_value_ = false;
      if (!is(',')) return fail("after array element");
      ++at_;
    }
    return value();
  }

  bool value() {
    const std::size_t depth = open_.size();
    fresh_ = false;
    if (!begin_value()) return false;
    after_value_ = open_.size() == depth;
    return true;
  }

  // The value that ends is one of the object or the array around it.
  bool close_value() {
    ++at_;
    open_.pop_back();
    fresh_ = false;
    after_value_ = true;
    return true;
  }

  bool string() {
    for (++at_; !at_end(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("in string literal");
      if (c == '\\' && !escape()) return false;
    }
    return fail_at_end();
  }

  // Up to its last character.
  bool escape() {
    ++at_;
    if (at_end()) return fail_at_end();
    constexpr std::string_view kSimple = "bfnrt\\/\"";
    if (kSimple.find(text_[at_]) != std::string_view::npos) return true;
    if (!is('u')) return fail("in string escape code");
    for (int digits = 0; digits < 4; ++digits) {
      ++at_;
      if (at_end()) return fail_at_end();
      if (!is_hex_digit(text_[at_])) return fail("in \\u hexadecimal character escape");
    }
    return true;
  }

  void digits() {
    while (!at_end() && is_digit(text_[at_])) ++at_;
  }

  bool number() {
    if (is('-')) ++at_;
    const bool zero = is('0');
    if (!take(is_digit, "in numeric literal")) return false;
    if (!zero) digits();
    if (is('.')) {
      ++at_;
      if (!take(is_digit, "after decimal point in numeric literal")) return false;
      digits();
    }
    if (is('e') || is('E')) {
      ++at_;
      if (is('+') || is('-')) ++at_;
      if (!take(is_digit, "in exponent of numeric literal")) return false;
      digits();
    }
    return true;
  }

  bool literal(std::string_view word) {
    for (const char expected : word) {
      if (at_end()) return fail_at_end();
      if (!is(expected)) return fail("in literal " + std::string(word) + " (expecting '" + expected + "')");
      ++at_;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<char> open_;    ///< '{' and '['.
  bool fresh_ = false;        ///< Nothing has come yet in the innermost of them.
  bool after_value_ = false;  ///< A value in it has just ended.
  std::string complaint_;
};

}  // namespace

std::string json_complaint(std::string_view text) { return Scanner{text}.complaint(); }

}  // namespace gantry::wire
