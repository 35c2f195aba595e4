#include "wire/json_text.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gantry::wire {

namespace {

using Json = nlohmann::json;

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// Receives what nlohmann's parser reads, piece by piece.
class Builder {
 public:
  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(std::int64_t value) { return put(value); }
  bool number_unsigned(std::uint64_t value) { return put(value); }
  bool number_float(double value, const std::string& /*text*/) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) { return false; }  // JSON has none

  bool start_object(std::size_t /*size*/) {
    Json& slot = next();
    if (!slot.is_object()) slot = Json::object();
    open_.push_back({&slot, {}, {}});
    return true;
  }
  bool key(std::string& name) {
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() { return close(); }
  bool start_array(std::size_t /*size*/) {
    Json& slot = next();
    slot = Json::array();
    open_.push_back({&slot, {}, {}});
    return true;
  }
  bool end_array() { return close(); }

  template <class Exception>
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const Exception& failure) {
    throw failure;
  }

  Json take() { return std::move(root_); }

 private:
  struct Open {
    Json* value;
    std::string key;
    std::unordered_map<std::string, std::string> names;  ///< The first name of these letters, whatever their case.
  };

  // Where the next value goes: what is there already is of an earlier member of the name.
  Json& next() {
    if (open_.empty()) return root_;
    Open& inner = open_.back();
    if (inner.value->is_array()) {
      inner.value->push_back(nullptr);
      return inner.value->back();
    }
    if (inner.key == kMemberOrder) return ignored_;
    const auto [known, fresh] = inner.names.emplace(lower(inner.key), inner.key);
    if (!fresh && known->second != inner.key) note_order(*inner.value, known->second, inner.key);
    return (*inner.value)[inner.key];
  }

  static void note_order(Json& object, const std::string& first, const std::string& later) {
    Json& order = object[std::string{kMemberOrder}];
    for (const std::string* name : {&first, &later}) {
      bool listed = false;
      for (const Json& other : order) listed = listed || other == *name;
      if (!listed) order.push_back(*name);
    }
  }

  template <class Value>
  bool put(Value&& value) {
    Json& slot = next();
    // Go leaves a string, a number or a boolean alone at a null.
    if constexpr (std::is_same_v<std::remove_cvref_t<Value>, std::nullptr_t>) {
      if (slot.is_primitive()) return true;
    }
    slot = std::forward<Value>(value);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  Json ignored_;
  std::vector<Open> open_;
};

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the UTF-8 character that begins at `at`; 0 if there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t offset) {
    return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : length;
}

// The code unit of "\uXXXX" at `at`; -1 if there is none.
int escaped_unit(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\\u" || at + 6 > text.size()) return -1;
  unsigned unit = 0;
  const auto [end, failed] = std::from_chars(text.data() + at + 2, text.data() + at + 6, unit, 16);
  return failed == std::errc{} && end == text.data() + at + 6 ? static_cast<int>(unit) : -1;
}

bool is_high(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

std::string mended(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = utf8_length(text, at);
    std::string_view piece = text.substr(at, length);
    if (length == 0) {
      length = 1;
      piece = kReplacement;
    } else if (text[at] == '\\') {
      const int unit = escaped_unit(text, at);
      const bool pair = is_high(unit) && is_low(escaped_unit(text, at + 6));
      length = pair ? 12 : unit >= 0 ? 6 : 2;
      piece = !pair && (is_high(unit) || is_low(unit)) ? kReplacement : text.substr(at, length);
    }
    out += piece;
    at += length;
  }
  return out;
}

Json build(const std::string& text) {
  Builder builder;
  Json::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace

nlohmann::json parse_as_go(const std::string& text) {
  try {
    return build(text);
  } catch (const Json::exception& failure) {
    const std::string_view why = failure.what();
    if (why.find("surrogate") == std::string_view::npos && why.find("UTF-8") == std::string_view::npos) throw;
  }
  return build(mended(text));
}

}  // namespace gantry::wire
