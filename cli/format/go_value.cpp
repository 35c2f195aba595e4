#include "format/go_value.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "format/go_methods.hpp"
#include "format/units.hpp"

namespace gantry::cli {

namespace {

using Kind = GoType::Kind;

const GoType* dynamic_type(const Json& value) {
  static const GoType* const text = go_type("string");
  static const GoType* const boolean = go_type("bool");
  static const GoType* const floating = go_type("float64");
  static const GoType* const whole = go_type("int");
  static const GoType* const list = go_type("[]any");
  static const GoType* const map = go_type("map[string]any");
  switch (value.type()) {
    case Json::value_t::string:
      return text;
    case Json::value_t::boolean:
      return boolean;
    case Json::value_t::number_float:
      return floating;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return whole;
    case Json::value_t::array:
      return list;
    case Json::value_t::object:
      return map;
    default:
      return nullptr;
  }
}

// Whether the daemon's JSON is of the type's shape: if not, it counts for what it is.
bool fits(const GoType& type, const Json& value) {
  if (value.is_null()) return true;
  switch (type.kind) {
    case Kind::text:
    case Kind::time:
      return value.is_string();
    case Kind::boolean:
      return value.is_boolean();
    case Kind::integer:
    case Kind::duration:
      return value.is_number_integer();
    case Kind::floating:
      return value.is_number();
    case Kind::slice:
      return value.is_array();
    case Kind::map:
    case Kind::structure:
    case Kind::row:
      return value.is_object();
    case Kind::pointer:
      return fits(*type.element, value);
    default:
      return true;
  }
}

// Where a field is, looked for in embedded structs too.
const GoField* find_field(const GoType& type, const std::string& name) {
  for (const GoField& field : type.fields) {
    if (field.name == name) return &field;
  }
  for (const GoField& field : type.fields) {
    if (!field.embedded) continue;
    const GoType& inner = field.type->kind == Kind::pointer ? *field.type->element : *field.type;
    if (const GoField* found = find_field(inner, name)) return found;
  }
  return nullptr;
}

// Go's decoder does not mind the case of a key.
bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

GoValue field_value(const GoValue& value, const GoField& field) {
  if (field.embedded) return {field.type, value.json.is_object() ? value.json : Json::object()};
  if (!value.json.is_object()) return {field.type, nullptr};
  const auto exact = value.json.find(field.json);
  if (exact != value.json.end()) return {field.type, *exact};
  for (const auto& item : value.json.items()) {
    if (same_ignoring_case(item.key(), field.json)) return {field.type, item.value()};
  }
  return {field.type, nullptr};
}

const GoType* null_pointer() { return go_type("*ocispec.Platform"); }

}  // namespace

GoValue::GoValue(const Json& value) : type(dynamic_type(value)), json(value) {}

GoValue::GoValue(const GoType* of, Json value) : type(of), json(std::move(value)) {
  if (type != nullptr && !fits(*type, json)) type = dynamic_type(json);
}

bool GoValue::is_nil() const { return !is_valid() || (type->can_be_nil() && json.is_null()); }

GoValue GoValue::indirect() const {
  if (is_valid() && type->kind == Kind::any) return json;
  if (!is_valid() || type->kind != Kind::pointer || json.is_null()) return *this;
  return {type->element, json};
}

bool GoValue::has_field(const std::string& name) const {
  if (!is_valid()) return false;
  if (type->kind == Kind::row) return name != kRowLabels && json.contains(name);
  return type->kind == Kind::structure && find_field(*type, name) != nullptr;
}

GoValue GoValue::field(const std::string& name) const {
  if (type->kind == Kind::row) {
    const Json& member = json[name];
    return member.is_null() ? GoValue(null_pointer(), nullptr) : GoValue(member);
  }
  return field_value(*this, *find_field(*type, name));
}

GoValue GoValue::item(const Json& member) const { return {type->element, member}; }

std::size_t GoValue::size() const {
  return json.is_string() ? json.get_ref<const std::string&>().size() : json.is_structured() ? json.size() : 0;
}

std::string GoValue::text() const { return json.is_string() ? json.get<std::string>() : go_text(*this); }

namespace {

// Within others a pointer is an address; the one that is printed here says only that there is something.
std::string inner_text(const GoValue& value) {
  const bool points = value.is_valid() && value.type->kind == Kind::pointer && !value.json.is_null();
  if (!points) return go_text(value);
  return own_text(value).value_or("0xc000010000");
}

std::string map_text(const GoValue& map) {
  if (!map.json.is_object()) return "map[]";
  std::vector<std::string> keys;
  for (const auto& item : map.json.items()) {
    if (item.key() != kRowLabels) keys.push_back(item.key());
  }
  std::sort(keys.begin(), keys.end());
  std::string out = "map[";
  for (const std::string& key : keys) {
    if (out.size() > 4) out += ' ';
    const GoType* element = map.type->element;
    out += key + ":" + inner_text(element == nullptr ? GoValue(map.json[key]) : GoValue(element, map.json[key]));
  }
  return out + "]";
}

std::string list_text(const GoValue& list) {
  std::string out = "[";
  if (list.json.is_array()) {
    // The first may be an empty text.
    for (std::size_t i = 0; i < list.json.size(); ++i) out += (i > 0 ? " " : "") + inner_text(list.item(list.json[i]));
  }
  return out + "]";
}

std::string struct_text(const GoValue& value) {
  std::string out = "{";
  for (const GoField& field : value.type->fields) {
    out += (out.size() > 1 || &field != &value.type->fields.front() ? " " : "") + inner_text(field_value(value, field));
  }
  return out + "}";
}

}  // namespace

std::string go_text(const GoValue& value) {
  if (!value.is_valid()) return "<nil>";
  if (auto own = own_text(value)) return *std::move(own);
  const Json& json = value.json;
  switch (value.type->kind) {
    case Kind::text:
      return json.is_null() ? "" : json.get<std::string>();
    case Kind::boolean:
      return json.is_boolean() && json.get<bool>() ? "true" : "false";
    case Kind::integer:
      return json.is_null() ? "0" : json.dump();
    case Kind::floating:
      return json.is_null() ? "0" : go_float(json.get<double>());
    case Kind::slice:
      return list_text(value);
    case Kind::map:
    case Kind::row:
      return map_text(value);
    case Kind::structure:
      return struct_text(value);
    case Kind::pointer:
      return json.is_null() ? "<nil>" : go_text(value.indirect());
    default:
      return go_text(GoValue(json));
  }
}

std::string go_text(const Json& value) { return go_text(GoValue(value)); }

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(c));
      out += hex.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool go_truth(const GoValue& value) {
  if (!value.is_valid()) return false;
  const Json& json = value.json;
  switch (value.type->kind) {
    case Kind::structure:
    case Kind::row:
    case Kind::time:
      return true;
    case Kind::pointer:
      return !json.is_null();
    case Kind::boolean:
      return json.is_boolean() && json.get<bool>();
    case Kind::text:
    case Kind::slice:
    case Kind::map:
      return value.size() != 0;
    default:
      return json.is_number() && json.get<double>() != 0;
  }
}

namespace {

bool is_empty(const GoValue& value) {
  switch (value.type->kind) {
    case Kind::structure:
      return false;
    case Kind::time:
      return value.json.is_null();
    default:
      return !go_truth(value);
  }
}

void put_fields(const GoValue& value, std::string& out) {
  for (const GoField& field : value.type->fields) {
    if (field.json == "-") continue;
    const GoValue member = field_value(value, field);
    if (field.embedded) {
      put_fields(member.indirect(), out);
    } else if (!field.omits_empty || !is_empty(member)) {
      out += (out.size() > 1 && out.back() != '{' ? "," : "") + Json(field.json).dump() + ":" + go_json(member);
    }
  }
}

// Fields only.
std::string row_json(const Json& row) {
  Json out = Json::object();
  for (const auto& item : row.items()) {
    if (item.key() != kRowLabels) out[item.key()] = item.value();
  }
  return out.dump();
}

}  // namespace

std::string go_json(const GoValue& value) {
  if (value.is_nil()) return "null";
  switch (value.type->kind) {
    case Kind::row:
      return row_json(value.json);
    case Kind::pointer:
      return go_json(value.indirect());
    case Kind::structure: {
      std::string out = "{";
      put_fields(value, out);
      return out + "}";
    }
    case Kind::slice: {
      std::string out = "[";
      for (const Json& item : value.json) out += (out.size() > 1 ? "," : "") + go_json(value.item(item));
      return out + "]";
    }
    case Kind::map: {
      std::string out = "{";
      for (const auto& item : value.json.items()) {
        out += (out.size() > 1 ? "," : "") + Json(item.key()).dump() + ":" + go_json(value.item(item.value()));
      }
      return out + "}";
    }
    case Kind::text:
      return Json(go_text(value)).dump();
    case Kind::time:
      return value.json.is_null() ? "\"0001-01-01T00:00:00Z\"" : value.json.dump();
    case Kind::boolean:
      return go_text(value);
    default:
      return value.json.is_null() ? "0" : value.json.dump();
  }
}

}  // namespace gantry::cli
