#include "parse/text.hpp"

#include <algorithm>
#include <cctype>

#include "command/failure.hpp"

namespace gantry::cli {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::pair<std::string, std::string>> cut(std::string_view text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  return std::pair{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string trimmed(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

std::string checked_label(const std::string& text) {
  if (text.empty() || text[0] == '=') throw InvalidValue("invalid label '" + text + "': empty name");
  return text;
}

namespace {

[[noreturn]] void refuse_quote(std::size_t at, const char* what) {
  throw InvalidValue("parse error on line 1, column " + std::to_string(at + 1) + ": " + what);
}

/// What is between the quotes that `at` stands at; leaves it behind them.
std::string quoted_field(std::string_view text, std::size_t& at) {
  constexpr const char* kStray = "extraneous or missing \" in quoted-field";
  std::string field;
  for (++at; at < text.size(); ++at) {
    if (text[at] != '"') {
      field += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '"') {
      field += text[at++];
    } else if (at + 1 < text.size() && text[at + 1] != ',') {
      refuse_quote(at, kStray);
    } else {
      ++at;
      return field;
    }
  }
  refuse_quote(at, kStray);
}

}  // namespace

std::vector<std::string> csv_fields(std::string_view text) {
  std::vector<std::string> fields;
  for (std::size_t at = 0;;) {
    if (at < text.size() && text[at] == '"') {
      fields.push_back(quoted_field(text, at));
    } else {
      const std::size_t end = std::min(text.find(',', at), text.size());
      fields.emplace_back(text.substr(at, end - at));
      const auto quote = fields.back().find('"');
      if (quote != std::string::npos) refuse_quote(at + quote, "bare \" in non-quoted-field");
      at = end;
    }
    if (at >= text.size()) return fields;
    ++at;  // the comma
  }
}

std::map<std::string, std::string> csv_pairs(std::string_view text) {
  std::map<std::string, std::string> out;
  for (const std::string& field : csv_fields(text)) {
    const auto pair = cut(field, '=');
    if (!pair) throw Failure("invalid value " + field);
    out[lower(pair->first)] = pair->second;
  }
  return out;
}

bool parse_truth(const std::string& flag, const std::string& name, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  throw Failure(flag + ": " + name + "=" + value + " is no truth value: use true or false");
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace gantry::cli
