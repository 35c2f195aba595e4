#include <algorithm>
#include <cctype>
#include <cstdint>

#include "format/template.hpp"
#include "format/template_compare.hpp"
#include "format/template_escape.hpp"

namespace gantry::cli {

namespace {

using Arguments = std::vector<GoValue>;
using Kind = GoType::Kind;

constexpr std::int64_t kMostSpaces = 4096;

const GoType* text_type() { return go_type("string"); }
const GoType* whole_type() { return go_type("int"); }

GoValue of_text(std::string text) { return {text_type(), std::move(text)}; }

std::int64_t whole(const GoValue& value) { return value.json.is_number_integer() ? value.json.get<std::int64_t>() : 0; }

GoValue mapped(const Arguments& arguments, int (*change)(int)) {
  std::string text = arguments[0].text();
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return of_text(text);
}

GoValue titled(const Arguments& arguments) {
  std::string text = arguments[0].text();
  bool starts = true;
  for (char& c : text) {
    if (starts) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    starts = std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '\'' &&
             static_cast<unsigned char>(c) < 0x80;
  }
  return of_text(text);
}

Json characters(const std::string& text) {
  Json all = Json::array();
  for (std::size_t start = 0; start < text.size();) {
    std::size_t end = start + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) ++end;
    all.push_back(text.substr(start, end - start));
    start = end;
  }
  return all;
}

GoValue split_text(const Arguments& arguments) {
  const std::string all = arguments[0].text();
  const std::string separator = arguments[1].text();
  if (separator.empty()) return {go_type("[]string"), characters(all)};
  Json parts = Json::array();
  std::size_t start = 0;
  for (auto end = all.find(separator); end != std::string::npos; end = all.find(separator, start)) {
    parts.push_back(all.substr(start, end - start));
    start = end + separator.size();
  }
  parts.push_back(all.substr(start));
  return {go_type("[]string"), parts};
}

GoValue join_texts(const Arguments& arguments) {
  const std::string separator = arguments[1].text();
  std::string out;
  for (const Json& part : arguments[0].json) {
    if (&part != &arguments[0].json.front()) out += separator;
    out += go_text(part);
  }
  return of_text(out);
}

GoValue padded_text(const Arguments& arguments) {
  const std::string source = arguments[0].text();
  if (source.empty()) return of_text(source);
  const auto spaces = [&](std::size_t index) {
    return std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(whole(arguments[index]), 0, kMostSpaces)),
                       ' ');
  };
  return of_text(spaces(1) + source + spaces(2));
}

GoValue truncated(const Arguments& arguments) {
  std::string source = arguments[0].text();
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(whole(arguments[1]), 0));
  if (source.size() > limit) source.resize(limit);
  return of_text(source);
}

// The value behind pointers, for what looks into it.
GoValue inner_value(const GoValue& value, const char* verb) {
  if (!value.is_valid()) throw FunctionError(std::string(verb) + " of untyped nil");
  GoValue inner = value.indirect();
  if (!inner.is_valid() || inner.type->kind == Kind::pointer)
    throw FunctionError(std::string(verb) + " of nil pointer");
  return inner;
}

std::size_t checked_index(const GoValue& index, std::size_t limit) {
  if (!index.is_valid()) throw FunctionError("cannot index slice/array with nil");
  if (index.type->kind != Kind::integer) {
    throw FunctionError("cannot index slice/array with type " + index.type->name);
  }
  const std::int64_t at = whole(index);
  if (at < 0 || static_cast<std::size_t>(at) > limit) throw FunctionError("index out of range: " + std::to_string(at));
  return static_cast<std::size_t>(at);
}

// What a key that a map has not gives: the zero of its values.
GoValue map_item(const GoValue& map, const GoValue& key) {
  const GoType& wanted = *map.type->key;
  if (!key.is_valid()) throw FunctionError("value is nil; should be of type " + wanted.name);
  if (key.type->name != wanted.name)
    throw FunctionError("value has type " + key.type->name + "; should be " + wanted.name);
  const auto found = map.json.is_object() ? map.json.find(key.text()) : map.json.end();
  return map.item(map.json.is_object() && found != map.json.end() ? *found : Json());
}

GoValue list_item(const GoValue& list, const GoValue& index) {
  const std::size_t at = checked_index(index, list.size());
  if (at == list.size()) throw FunctionError("reflect: slice index out of range");
  return list.item(list.json[at]);
}

GoValue character_code(const GoValue& text, const GoValue& index) {
  const std::size_t at = checked_index(index, text.size());
  if (at == text.size()) throw FunctionError("reflect: string index out of range");
  return {whole_type(), static_cast<int>(static_cast<unsigned char>(text.text()[at]))};
}

GoValue index_into(const Arguments& arguments) {
  GoValue value = arguments[0];
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    value = inner_value(value.is_valid() && value.type->kind == Kind::any ? value.indirect() : value, "index");
    switch (value.type->kind) {
      case Kind::map:
        value = map_item(value, arguments[i]);
        break;
      case Kind::slice:
        value = list_item(value, arguments[i]);
        break;
      case Kind::text:
        value = character_code(value, arguments[i]);
        break;
      default:
        throw FunctionError("can't index item of type " + value.type->name);
    }
  }
  if (!arguments[0].is_valid()) throw FunctionError("index of untyped nil");
  return value;
}

GoValue slice_of(const Arguments& arguments) {
  if (!arguments[0].is_valid()) throw FunctionError("slice of untyped nil");
  if (arguments.size() > 4) throw FunctionError("too many slice indexes: " + std::to_string(arguments.size() - 1));
  const GoValue value = inner_value(arguments[0], "slice");
  const bool is_text = value.type->kind == Kind::text;
  if (is_text && arguments.size() == 4) throw FunctionError("cannot 3-index slice a string");
  if (!is_text && value.type->kind != Kind::slice) throw FunctionError("can't slice item of type " + value.type->name);
  const std::size_t first = arguments.size() > 1 ? checked_index(arguments[1], value.size()) : 0;
  const std::size_t last = arguments.size() > 2 ? checked_index(arguments[2], value.size()) : value.size();
  if (first > last) {
    throw FunctionError("invalid slice index: " + std::to_string(first) + " > " + std::to_string(last));
  }
  if (is_text) return of_text(value.text().substr(first, last - first));
  Json out = Json::array();
  for (std::size_t i = first; i < last; ++i) out.push_back(value.json[i]);
  return {value.type, out};
}

GoValue length_of(const Arguments& arguments) {
  if (!arguments[0].is_valid()) throw FunctionError("len of nil pointer");
  const GoValue value = inner_value(arguments[0], "len");
  const Kind kind = value.type->kind;
  if (kind != Kind::text && kind != Kind::slice && kind != Kind::map) {
    throw FunctionError("len of type " + value.type->name);
  }
  return {whole_type(), value.size()};
}

std::string printed(const Arguments& arguments, bool always_spaced) {
  std::string out;
  const auto is_text = [&](std::size_t i) { return arguments[i].is_valid() && arguments[i].type->kind == Kind::text; };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool texts = i > 0 && (is_text(i) || is_text(i - 1));
    if (i > 0 && (always_spaced || !texts)) out += ' ';
    out += go_text(arguments[i]);
  }
  return out;
}

template <class Escape>
TemplateFunction escaping(Escape escape) {
  return {{nullptr}, true, [escape](const Arguments& a) { return of_text(escape(printed(a, false))); }};
}

void add_texts(TemplateFunctions& all) {
  const GoType* text = text_type();
  const GoType* number = whole_type();
  all["split"] = {{text, text}, false, split_text};
  all["join"] = {{go_type("[]string"), text}, false, join_texts};
  all["title"] = {{text}, false, titled};
  all["lower"] = {{text}, false, [](const Arguments& a) { return mapped(a, std::tolower); }};
  all["upper"] = {{text}, false, [](const Arguments& a) { return mapped(a, std::toupper); }};
  all["pad"] = {{text, number, number}, false, padded_text};
  all["truncate"] = {{text, number}, false, truncated};
  all["html"] = escaping(html_escaped);
  all["js"] = escaping(js_escaped);
  all["urlquery"] = escaping(query_escaped);
}

TemplateFunctions make_functions() {
  TemplateFunctions all;
  add_texts(all);
  add_comparisons(all);
  all["json"] = {{nullptr}, false, [](const Arguments& a) { return of_text(go_json(a[0])); }};
  all["index"] = {{nullptr, nullptr}, true, index_into};
  all["slice"] = {{nullptr, nullptr}, true, slice_of};
  all["len"] = {{nullptr}, false, length_of};
  all["print"] = {{nullptr}, true, [](const Arguments& a) { return of_text(printed(a, false)); }};
  all["println"] = {{nullptr}, true, [](const Arguments& a) { return of_text(printed(a, true) + "\n"); }};
  all["printf"] = {{text_type(), nullptr}, true, [](const Arguments& a) {
                     return of_text(go_printf(a[0].text(), Arguments(a.begin() + 1, a.end())));
                   }};
  all["not"] = {{nullptr}, false, [](const Arguments& a) { return GoValue(go_type("bool"), !go_truth(a[0])); }};
  // Nothing that a template gets to see is a function: whoever calls one is told so before.
  all["call"] = {{nullptr, nullptr}, true, [](const Arguments&) { return GoValue(); }};
  return all;
}

}  // namespace

const TemplateFunctions& template_functions() {
  static const TemplateFunctions all = make_functions();
  return all;
}

}  // namespace gantry::cli
