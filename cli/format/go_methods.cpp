#include "format/go_methods.hpp"

namespace gantry::cli {

namespace {

using Arguments = std::vector<GoValue>;
using Kind = GoType::Kind;

// All rows have these, whatever their type's name is.
constexpr std::string_view kRow = "row";

GoValue label_of(const Arguments& arguments) {
  const Json& labels = arguments[0].json[std::string(kRowLabels)];
  const auto found = labels.find(arguments[1].text());
  return {go_type("string"), found == labels.end() ? Json("") : *found};
}

// Above its column a label is called by the last part of its key.
GoValue label_head(const Arguments& arguments) {
  std::string key = arguments[1].text();
  key.erase(0, key.rfind('.') + 1);
  for (char& c : key) {
    if (c == '-' || c == '_') c = ' ';
  }
  return {go_type("string"), key};
}

void add_row_methods(MethodTable& methods) {
  const GoType* text = go_type("string");
  // Only the head of a table has heads.
  const auto no_header = [](const Arguments&) { return GoValue(go_type("any"), nullptr); };
  const auto context = [](const Arguments&) { return GoValue(go_type("formatter.HeaderContext"), Json::object()); };
  methods[std::string(kRow)] = {{"FullHeader", {{}, false, no_header}},
                                {"Header", {{}, false, no_header}},
                                {"HeaderContext", {{}, false, context}},
                                {"Label", {{text}, false, label_of}}};
  methods["formatter.HeaderContext"] = {{"FullHeader", {{}, false, no_header}}};
  methods["formatter.SubHeaderContext"] = {{"Label", {{text}, false, label_head}}};
}

MethodTable make_methods() {
  MethodTable methods;
  add_row_methods(methods);
  add_container_methods(methods);
  add_time_methods(methods);
  return methods;
}

const TemplateFunctions* methods_of(std::string_view type) {
  static const MethodTable all = make_methods();
  const auto found = all.find(type);
  return found == all.end() ? nullptr : &found->second;
}

}  // namespace

const TemplateFunction* find_method(const GoValue& value, std::string_view name) {
  if (!value.is_valid()) return nullptr;
  const bool is_row = value.type->kind == Kind::row;
  const bool points = value.type->kind == Kind::pointer && !value.json.is_null();
  const GoType& type = points ? *value.type->element : *value.type;
  const TemplateFunctions* methods = methods_of(is_row ? kRow : std::string_view(type.name));
  if (methods == nullptr) return nullptr;
  if (is_row && name == "Label" && !value.json.contains(kRowLabels)) return nullptr;
  const auto found = methods->find(name);
  return found == methods->end() ? nullptr : &found->second;
}

std::optional<std::string> own_text(const GoValue& value) {
  const TemplateFunction* method = find_method(value, "String");
  if (method == nullptr) return std::nullopt;
  return method->body({value.indirect()}).text();
}

}  // namespace gantry::cli
