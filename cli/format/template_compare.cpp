#include "format/template_compare.hpp"

#include <algorithm>

namespace gantry::cli {

namespace {

using Arguments = std::vector<GoValue>;
using Kind = GoType::Kind;

bool is_basic(const GoValue& value) {
  if (!value.is_valid()) return false;
  const Kind kind = value.type->kind;
  return kind == Kind::text || kind == Kind::boolean || kind == Kind::integer || kind == Kind::floating ||
         kind == Kind::duration;
}

Kind basic_kind(const GoValue& value) { return value.type->kind == Kind::duration ? Kind::integer : value.type->kind; }

// Null is what Go has as zero.
Json plain(const GoValue& value) {
  if (!value.json.is_null()) return value.json;
  switch (basic_kind(value)) {
    case Kind::text:
      return "";
    case Kind::boolean:
      return false;
    default:
      return 0;
  }
}

bool is_equal(const GoValue& a, const GoValue& b) {
  if (is_basic(a) && is_basic(b)) {
    if (basic_kind(a) != basic_kind(b)) throw FunctionError("incompatible types for comparison");
    return plain(a) == plain(b);
  }
  if (is_basic(a) != is_basic(b) && a.is_valid() && b.is_valid()) {
    throw FunctionError("incompatible types for comparison");
  }
  if (a.is_nil() || b.is_nil()) return a.is_nil() == b.is_nil();
  for (const GoValue* each : {&a, &b}) {
    const Kind kind = each->type->kind;
    if (kind == Kind::slice || kind == Kind::map) {
      throw FunctionError("non-comparable type " + go_text(*each) + ": " + each->type->name);
    }
  }
  return a.json == b.json;
}

GoValue boolean(bool value) { return {go_type("bool"), value}; }

GoValue equal(const Arguments& arguments) {
  if (arguments.size() < 2) throw FunctionError("missing argument for comparison");
  return boolean(std::any_of(arguments.begin() + 1, arguments.end(),
                             [&](const GoValue& each) { return is_equal(arguments[0], each); }));
}

bool is_less(const GoValue& a, const GoValue& b) {
  if (!is_basic(a) || !is_basic(b)) throw FunctionError("invalid type for comparison");
  if (basic_kind(a) != basic_kind(b)) throw FunctionError("incompatible types for comparison");
  if (basic_kind(a) == Kind::boolean) throw FunctionError("invalid type for comparison");
  return plain(a) < plain(b);
}

}  // namespace

void add_comparisons(TemplateFunctions& functions) {
  const auto add = [&](const char* name, auto body) {
    functions[name] = {{nullptr, nullptr}, false, [body](const Arguments& a) { return boolean(body(a[0], a[1])); }};
  };
  functions["eq"] = {{nullptr, nullptr}, true, equal};
  add("ne", [](const GoValue& a, const GoValue& b) { return !is_equal(a, b); });
  add("lt", is_less);
  add("le", [](const GoValue& a, const GoValue& b) { return is_less(a, b) || is_equal(a, b); });
  add("gt", [](const GoValue& a, const GoValue& b) { return !is_less(a, b) && !is_equal(a, b); });
  add("ge", [](const GoValue& a, const GoValue& b) { return !is_less(a, b); });
}

}  // namespace gantry::cli
