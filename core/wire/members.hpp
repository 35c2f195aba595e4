#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "gantry/error.hpp"

/// Members of JSON objects, read one at a time. For .cpp files only: it costs all of nlohmann/json.
namespace gantry::wire {

/// A member that is missing or null leaves the default; one of a wrong type is the other side's mistake. Errors:
/// invalid.
template <class T>
void take(const nlohmann::json& object, const char* name, T& out) {
  if (!object.is_object()) throw Error{Errc::invalid, "invalid JSON: an object was expected"};
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return;
  try {
    out = found->get<T>();
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
