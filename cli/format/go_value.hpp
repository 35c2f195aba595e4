#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "format/go_type.hpp"
#include "json.hpp"

namespace gantry::cli {

/// A value in a template: JSON and what Go takes it for. Without a type it is no value at all, as of a key that a map
/// has not. JSON's null is the type's zero: an empty text, a nil slice.
struct GoValue {
  GoValue() = default;
  /// The value as JSON alone tells it.
  GoValue(const Json& value);  // NOLINT(google-explicit-constructor)
  GoValue(const GoType* of, Json value);

  [[nodiscard]] bool is_valid() const { return type != nullptr; }
  [[nodiscard]] bool is_nil() const;
  /// Behind pointers, if they are not nil.
  [[nodiscard]] GoValue indirect() const;
  /// The field of a struct or a row; nothing where there is none.
  [[nodiscard]] bool has_field(const std::string& name) const;
  [[nodiscard]] GoValue field(const std::string& name) const;
  /// Of slices and of maps.
  [[nodiscard]] GoValue item(const Json& json) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::string text() const;

  const GoType* type = nullptr;
  Json json;
};

/// A member of a row that is no field: what its method Label looks up in.
inline constexpr std::string_view kRowLabels = "()Label";

/// A value as Go's fmt prints it with %v: "map[a:1 b:2]", "[x y]", "<nil>".
std::string go_text(const GoValue& value);
std::string go_text(const Json& value);
/// A text in Go's quotes and escapes.
std::string go_quote(std::string_view text);
/// Whether Go's templates take the value for true.
bool go_truth(const GoValue& value);
/// What Go's encoding/json makes of it.
std::string go_json(const GoValue& value);
/// Go's fmt.Sprintf over `arguments`.
std::string go_printf(std::string_view format, const std::vector<GoValue>& arguments);

}  // namespace gantry::cli
