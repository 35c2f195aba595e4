#include "format/listing.hpp"

#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "format/columns.hpp"
#include "format/template.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

std::string unescaped(std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char next = i + 1 < format.size() ? format[i + 1] : '\0';
    if (format[i] == '\\' && (next == 't' || next == 'n')) {
      out += next == 't' ? '\t' : '\n';
      ++i;
    } else {
      out += format[i];
    }
  }
  return out;
}

// In the head line a function leaves a column's name as it is, or it would not be the same for all.
TemplateFunctions head_functions() {
  TemplateFunctions functions;
  for (const char* name : {"json", "join", "split", "truncate"}) {
    functions[name] = {
        {go_type("string"), nullptr}, true, [](const std::vector<GoValue>& arguments) { return arguments[0]; }};
  }
  return functions;
}

std::string without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

// Rows are marshalled as Go does it by default: fit to stand in HTML.
TemplateFunctions row_functions() {
  TemplateFunctions functions;
  functions["json"] = {{nullptr}, false, [](const std::vector<GoValue>& arguments) {
                         std::string out;
                         for (const char c : go_json(arguments[0])) {
                           if (c == '<' || c == '>' || c == '&') {
                             out += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : "\\u0026";
                           } else {
                             out += c;
                           }
                         }
                         return GoValue(go_type("string"), out);
                       }};
  return functions;
}

// What Go's head of a table cannot show it leaves out: it is written after the rows, whose errors come first.
std::string head_line(const ListStyle& style, const Template& text) {
  Json heads = Json::object();
  for (const auto& [field, head] : style.heads) heads[std::string(field)] = std::string(head);
  std::string out;
  try {
    text.execute_into(out, {go_type("formatter.SubHeaderContext"), heads}, head_functions());
  } catch (const TemplateError&) {
  }
  return out + "\n";
}

}  // namespace

bool mentions(const std::string& format, std::string_view field) {
  const auto at = format.find("." + std::string(field));
  if (at == std::string::npos) return false;
  const std::size_t end = at + 1 + field.size();
  return end >= format.size() || std::isalnum(static_cast<unsigned char>(format[end])) == 0;
}

void check_format(const std::string& format, const std::string& row_type, const Json& row) {
  const char* step = "parse";
  try {
    const Template text(format);
    step = "execute";
    std::string nowhere;
    text.execute_into(nowhere, {go_row_type(row_type), row});
  } catch (const TemplateError& error) {
    throw Failure(std::string("failed to ") + step + " template: " + error.what());
  }
}

std::string render(const ListStyle& style, const std::vector<Json>& rows) {
  std::string format = style.format.empty() ? "table" : style.format;
  const bool is_table = starts_with(format, "table");
  if (format == "table") {
    format = style.table;
  } else if (is_table) {
    format = format.substr(5);
  } else if (format == "json") {
    format = "{{json .}}";
  }
  const GoType* row_type = go_row_type(style.row_type);
  try {
    const Template text(unescaped(without_spaces(format)));
    std::string out;
    for (const Json& row : rows) out += text.execute({row_type, row}, row_functions()) + "\n";
    return is_table ? align(head_line(style, text) + out) : out;
  } catch (const TemplateError& error) {
    throw Failure(std::string("template parsing error: ") + error.what());
  }
}

}  // namespace gantry::cli
