#pragma once

#include <nlohmann/json.hpp>
#include <optional>

/// What may be missing is null.
namespace nlohmann {

template <class T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& out, const std::optional<T>& value) { out = value ? json(*value) : json(); }
  static void from_json(const json& in, std::optional<T>& value) {
    value = in.is_null() ? std::nullopt : std::optional<T>{in.get<T>()};
  }
};

}  // namespace nlohmann
