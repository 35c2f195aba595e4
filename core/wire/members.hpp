#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "gantry/error.hpp"

/// Members of JSON objects, read one at a time. For .cpp files only: it costs all of nlohmann/json.
namespace gantry::wire {

inline void expect_object(const nlohmann::json& value) {
  if (value.is_object()) return;
  throw Error{Errc::invalid,
              std::string{"invalid JSON: json: cannot unmarshal "} + value.type_name() + " into Go value"};
}

/// A text that is null is an empty one, as in Go.
inline std::map<std::string, std::string> texts_of(const nlohmann::json& value) {
  std::map<std::string, std::string> out;
  if (!value.is_object()) return value.get<std::map<std::string, std::string>>();
  for (const auto& [name, text] : value.items()) out[name] = text.is_null() ? "" : text.get<std::string>();
  return out;
}

/// A member that is missing or null leaves the default; one of a wrong type is the other side's mistake. Errors:
/// invalid.
template <class T>
void take(const nlohmann::json& object, const char* name, T& out) {
  expect_object(object);
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return;
  try {
    if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
      out = texts_of(*found);
    } else {
      out = found->get<T>();
    }
  } catch (const nlohmann::json::exception&) {
    throw Error{Errc::invalid, std::string{"invalid JSON: json: cannot unmarshal into Go struct field "} + name};
  }
}

template <class T>
void take(const nlohmann::json& object, const char* name, std::optional<T>& out) {
  T value{};
  if (const auto found = object.find(name); found == object.end() || found->is_null()) return;
  take(object, name, value);
  out = std::move(value);
}

}  // namespace gantry::wire
