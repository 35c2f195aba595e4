#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

struct GoType;

/// A field of a Go struct: its name, and how it is called in JSON.
struct GoField {
  std::string name;
  std::string json;
  const GoType* type{};
  bool omits_empty{};  ///< JSON leaves it out when it is empty.
  bool embedded{};     ///< Its own fields count as the struct's.
};

/// What Go knows of a value and JSON does not: nil slices and maps, fields that JSON leaves out, times.
struct GoType {
  /// `any`: what the JSON says. `row`: a struct with whatever fields the JSON object has.
  enum class Kind { any, text, boolean, integer, floating, time, duration, slice, map, pointer, structure, row };

  Kind kind{};
  std::string name;             ///< As %T prints it.
  const GoType* element{};      ///< Of slices, maps and pointers.
  const GoType* key{};          ///< Of maps.
  std::vector<GoField> fields;  ///< Of structs.

  [[nodiscard]] bool can_be_nil() const {
    return kind == Kind::any || kind == Kind::slice || kind == Kind::map || kind == Kind::pointer;
  }
};

/// The type by its Go name: "string", "[]string", "map[string]string", "*container.State"; nullptr if nobody knows it.
const GoType* go_type(std::string_view name);

/// A list's row, which `name` calls in messages.
const GoType* go_row_type(std::string_view name);

/// The API's objects as Go's structs, texts that go_type() reads in this order: see container_types.cpp.
extern const std::string_view kContainerTypes;
extern const std::string_view kObjectTypes;
extern const std::string_view kSystemTypes;

}  // namespace gantry::cli
