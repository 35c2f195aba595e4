#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gantry/error.hpp"
#include "wire/json_text.hpp"

/// Structs to JSON and back with one list of members for both ways. For .cpp files only: it costs all of nlohmann/json.
///
///     template <class Visitor, SameAs<Point> P>
///     void visit(Visitor& fields, P& point) { fields("X", point.x); fields("Y", point.y); }
namespace gantry::wire {

using OrderedJson = nlohmann::ordered_json;
using Json = nlohmann::json;

/// `T` is `Struct`, const or not.
template <class T, class Struct>
concept SameAs = std::same_as<std::remove_const_t<T>, Struct>;

/// How Go's encoding/json shows what is empty.
enum class Empty {
  as_is,   ///< null for lists and maps, else the empty value.
  brief,   ///< Left out ("omitempty").
  braces,  ///< [] or {}.
};

class FieldWriter;
class FieldReader;

template <class T>
concept Visited = requires(FieldWriter& writer, const T& value) {
  visit(writer, value);
};

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<std::map<std::string, T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_set = std::same_as<T, std::set<std::string>>;

/// Writes members in the order of their declaration, as Go does.
class FieldWriter {
 public:
  static constexpr bool kReads = false;

  explicit FieldWriter(OrderedJson& out) : out_(out) {
    out_ = OrderedJson::object();
    // A member that moves takes a copy of its name along.
    out_.get_ref<OrderedJson::object_t&>().reserve(kUsualMembers);
  }

  template <class T>
  void operator()(const char* name, const T& value, Empty empty = Empty::as_is) {
    if (empty == Empty::brief && is_empty(value)) return;
    append(out_, name, encode(value, empty));
  }

  /// A list or map that is shown as it was given: null if it was left out, [] or {} if `blank` has its name.
  template <class T>
  void operator()(const char* name, const T& value, const std::set<std::string>& blank) {
    (*this)(name, value, blank.contains(name) ? Empty::braces : Empty::as_is);
  }

  template <class T>
  static OrderedJson encode(const T& value, Empty empty = Empty::as_is) {
    if constexpr (is_optional<T>) {
      return value ? encode(*value, Empty::braces) : OrderedJson(nullptr);
    } else if constexpr (is_vector<T>) {
      if (value.empty() && empty == Empty::as_is) return nullptr;
      OrderedJson list = OrderedJson::array();
      for (const auto& item : value) list.push_back(encode(item));
      return list;
    } else if constexpr (is_map<T>) {
      if (value.empty() && empty == Empty::as_is) return nullptr;
      OrderedJson object = OrderedJson::object();
      for (const auto& [key, item] : value) append(object, key, encode(item));
      return object;
    } else if constexpr (is_set<T>) {
      if (value.empty() && empty == Empty::as_is) return nullptr;
      OrderedJson object = OrderedJson::object();
      for (const auto& key : value) append(object, key, OrderedJson::object());
      return object;
    } else if constexpr (Visited<T>) {
      OrderedJson object;
      FieldWriter writer{object};
      visit(writer, value);
      return object;
    } else {
      return OrderedJson(value);
    }
  }

 private:
  static constexpr std::size_t kUsualMembers = 16;

  /// A struct or a map has no member twice: looking for it would take as long as there are others, for each.
  static void append(OrderedJson& object, std::string name, OrderedJson value) {
    object.get_ref<OrderedJson::object_t&>().emplace_back(std::move(name), std::move(value));
  }

  template <class T>
  static bool is_empty(const T& value) {
    if constexpr (is_optional<T>)
      return !value.has_value();
    else if constexpr (requires { value.empty(); })
      return value.empty();
    else if constexpr (std::is_arithmetic_v<T>)
      return value == T{};
    else
      return false;
  }

  OrderedJson& out_;
};

/// Whether Go takes a member called `key` for the field `name`.
inline bool names_field(std::string_view key, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(key.begin(), key.end(), name.begin(), name.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

/// Hands `use` the members that Go takes for the field `name`, as they came: of that name, or of that name in other
/// letters' case.
template <class Use>
void each_member(const Json& in, std::string_view name, Use use) {
  if (!in.is_object()) return;
  if (const auto order = in.find(kMemberOrder); order != in.end()) {
    bool found = false;
    for (const Json& key : *order) {
      const auto& text = key.get_ref<const std::string&>();
      if (!names_field(text, name)) continue;
      use(in.at(text));
      found = true;
    }
    if (found) return;
  }
  if (const auto exact = in.find(name); exact != in.end()) return use(*exact);
  for (auto at = in.begin(); at != in.end(); ++at) {
    if (names_field(at.key(), name)) return use(*at);
  }
}

/// The last one of them; nullptr if there is none.
inline const Json* last_member(const Json& in, std::string_view name) {
  const Json* last = nullptr;
  each_member(in, name, [&](const Json& member) { last = &member; });
  return last;
}

/// Reads members; what is missing or null keeps its default. Errors: invalid, in the words of Go's decoder.
class FieldReader {
 public:
  static constexpr bool kReads = true;

  FieldReader(const Json& in, std::string path) : in_(in), path_(std::move(path)) {
    if (!in.is_object()) mismatch(in, path_, "object");
  }

  template <class T>
  void operator()(const char* name, T& value, Empty = Empty::as_is) {
    each_member(in_, name, [&](const Json& found) {
      if (!found.is_null()) decode(found, value, path_.empty() ? std::string(name) : path_ + "." + name);
    });
  }

  template <class T>
  void operator()(const char* name, T& value, std::set<std::string>& blank) {
    (*this)(name, value);
    const Json* const found = last_member(in_, name);
    if (found != nullptr && !found->is_null() && value.empty()) blank.insert(name);
  }

  /// A list of words for which one word may stand. True if it was given.
  static bool decode_words(const Json& in, const char* name, const std::string& path, std::vector<std::string>& words) {
    const Json* const found = last_member(in, name);
    if (found == nullptr || found->is_null()) return false;
    if (found->is_string()) {
      words = {found->get<std::string>()};
    } else {
      decode(*found, words, path + "." + name);
    }
    return true;
  }

  template <class T>
  static void decode(const Json& in, T& value, const std::string& path) {
    if constexpr (is_optional<T>) {
      if (in.is_null()) return;
      if (!value) value.emplace();
      decode(in, *value, path);
    } else if constexpr (is_vector<T>) {
      decode_list(in, value, path);
    } else if constexpr (is_map<T> || is_set<T>) {
      decode_object(in, value, path);
    } else if constexpr (std::same_as<T, std::string>) {
      if (!in.is_string()) mismatch(in, path, "string");
      value = in.get_ref<const std::string&>();
    } else if constexpr (std::same_as<T, bool>) {
      if (!in.is_boolean()) mismatch(in, path, "bool");
      value = in.get<bool>();
    } else if constexpr (std::floating_point<T>) {
      if (!in.is_number()) mismatch(in, path, "float64");
      value = in.get<T>();
    } else if constexpr (std::integral<T>) {
      decode_integer(in, value, path);
    } else {
      FieldReader reader{in, path};
      visit(reader, value);
    }
  }

  [[noreturn]] static void mismatch(const Json& in, const std::string& path, const char* wanted) {
    throw Error{Errc::invalid, "invalid JSON: json: cannot unmarshal " + std::string(in.type_name()) +
                                   " into Go struct field " + path + " of type " + wanted};
  }

 private:
  template <class T>
  static void decode_list(const Json& in, std::vector<T>& value, const std::string& path) {
    if (!in.is_array()) mismatch(in, path, "array");
    value.clear();
    value.reserve(in.size());
    for (const auto& item : in) {
      T element{};
      if (!item.is_null()) decode(item, element, path);
      value.push_back(std::move(element));
    }
  }

  template <class T>
  static void decode_object(const Json& in, T& value, const std::string& path) {
    if (!in.is_object()) mismatch(in, path, "map");
    for (const auto& [key, item] : in.items()) {
      if (key == kMemberOrder) continue;
      if constexpr (is_set<T>) {
        if (!item.is_object() && !item.is_null()) mismatch(item, path, "struct {}");
        value.insert(key);
      } else {
        auto& slot = value[key];
        if (!item.is_null()) decode(item, slot, path + "." + key);
      }
    }
  }

  template <class T>
  static void decode_integer(const Json& in, T& value, const std::string& path) {
    if (!in.is_number_integer()) mismatch(in, path, "integer");
    if (in.is_number_unsigned()) {
      const auto number = in.get<std::uint64_t>();
      if (!std::in_range<T>(number)) mismatch(in, path, "integer (out of range)");
      value = static_cast<T>(number);
    } else {
      const auto number = in.get<std::int64_t>();
      if (!std::in_range<T>(number)) mismatch(in, path, "integer (out of range)");
      value = static_cast<T>(number);
    }
  }

  const Json& in_;
  std::string path_;
};

}  // namespace gantry::wire
