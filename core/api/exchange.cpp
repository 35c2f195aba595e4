#include "api/exchange.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "wire/json_syntax.hpp"
#include "wire/json_text.hpp"

namespace gantry::api {

namespace {

std::string lower_trimmed(std::string_view text) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string> filter_values(const nlohmann::json& values) {
  std::vector<std::string> out;
  if (values.is_array()) {
    for (const auto& value : values) out.push_back(value.get<std::string>());
  } else if (values.is_object()) {
    for (const auto& [value, wanted] : values.items()) {
      if (wanted.get<bool>()) out.push_back(value);
    }
  } else if (!values.is_null()) {
    throw Error{Errc::invalid, "invalid filter"};
  }
  return out;
}

// nlohmann's "[json.exception.parse_error.101] parse error at line 1, column 2: ..." without its first word.
std::string json_complaint(const std::exception& failure) {
  std::string text = failure.what();
  if (const auto end = text.find("] "); text.starts_with('[') && end != std::string::npos) text.erase(0, end + 2);
  return text;
}

// What Go's mime.ParseMediaType says of a type that is none.
std::string media_type_complaint(std::string_view type) {
  const auto take_token = [&type] {
    const auto in_token = [](char c) {
      return c > 0x20 && c < 0x7f && std::string_view{R"(()<>@,;:\"/[]?=)"}.find(c) == std::string_view::npos;
    };
    const auto end = std::find_if_not(type.begin(), type.end(), in_token);
    const bool none = end == type.begin();
    type.remove_prefix(static_cast<std::size_t>(end - type.begin()));
    return !none;
  };
  if (!take_token()) return "no media type";
  if (type.empty()) return {};
  if (!type.starts_with('/')) return "expected slash after first token";
  type.remove_prefix(1);
  if (!take_token()) return "expected token after slash";
  return type.empty() ? "" : "unexpected content after media subtype";
}

// Values are copied recursively: a body of a million brackets must not end the daemon.
constexpr int kDeepestNesting = 500;

bool nested_too_deeply(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepestNesting) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

// As strconv.ParseInt of Go, in its words.
std::int64_t parse_integer(const std::string& text, const char* parser) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) {
    throw Error{Errc::invalid, std::string{"strconv."} + parser + ": parsing \"" + text + "\": value out of range"};
  }
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    throw Error{Errc::invalid, std::string{"strconv."} + parser + ": parsing \"" + text + "\": invalid syntax"};
  }
  return value;
}

}  // namespace

std::string Request::get(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

bool Request::has(std::string_view name) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& pair) { return pair.first == name; });
}

std::vector<std::string> Request::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : query) {
    if (key == name) out.push_back(value);
  }
  return out;
}

bool Request::flag(std::string_view name, bool otherwise) const {
  if (!has(name)) return otherwise;
  const std::string value = lower_trimmed(get(name));
  return !(value.empty() || value == "0" || value == "no" || value == "false" || value == "none");
}

std::optional<std::int64_t> Request::number(std::string_view name, const char* parser) const {
  const std::string text = get(name);
  if (text.empty()) return std::nullopt;
  return parse_integer(text, parser);
}

std::optional<Nanoseconds> Request::time(std::string_view name) const {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  constexpr std::int64_t kFarthest = 9'000'000'000;
  const std::string text = get(name);
  if (text.empty()) return std::nullopt;
  const std::size_t dot = text.find('.');
  const std::int64_t seconds = parse_integer(text.substr(0, dot), "ParseInt");
  std::string fraction = dot == std::string::npos ? "0" : text.substr(dot + 1);
  if (fraction.empty() || fraction.find_first_not_of("0123456789") != std::string::npos) {
    throw Error{Errc::invalid, "strconv.ParseInt: parsing \"" + fraction + "\": invalid syntax"};
  }
  if (seconds >= kFarthest) return std::numeric_limits<Nanoseconds>::max();
  fraction.resize(9, '0');  // more digits say nothing
  return std::max(seconds, -kFarthest) * kSecond + std::stoll(fraction);
}

std::map<std::string, std::vector<std::string>> Request::filters() const {
  std::map<std::string, std::vector<std::string>> out;
  const std::string text = get("filters");
  if (text.empty()) return out;
  try {
    const nlohmann::json parsed = nlohmann::json::parse(text);
    if (parsed.is_null()) return out;
    if (!parsed.is_object()) throw Error{Errc::invalid, "invalid filter"};
    for (const auto& [name, values] : parsed.items()) out[name] = filter_values(values);
  } catch (const nlohmann::json::exception&) {
    throw Error{Errc::invalid, "invalid filter"};
  }
  return out;
}

const std::string& Request::parameter(std::string_view name) const {
  const auto found = parameters.find(std::string{name});
  if (found == parameters.end()) throw Error{Errc::internal, "the route has no parameter " + std::string{name}};
  return found->second;
}

Response Response::json(const nlohmann::json& body, unsigned status) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  // What comes from images, logs and files need not be UTF-8.
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

Response Response::text(std::string body, unsigned status) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

Response Response::no_content() {
  Response response;
  response.status = 204;
  return response;
}

Response Response::not_modified() {
  Response response;
  response.status = 304;
  return response;
}

Response Response::done() {
  Response response;
  response.streamed = true;
  return response;
}

Response Response::error(unsigned status, const std::string& message) { return json({{"message", message}}, status); }

Response Response::error(std::exception_ptr failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return Response::error(status_of(error.code()), error.what());
  } catch (const nlohmann::json::exception& error) {
    // A member of the wrong type in the request's body.
    return Response::error(400, "invalid JSON: " + json_complaint(error));
  } catch (const std::exception& error) {
    return Response::error(500, error.what());
  } catch (...) {
    return Response::error(500, "unknown error");
  }
}

unsigned status_of(Errc code) noexcept {
  switch (code) {
    case Errc::invalid:
      return 400;
    case Errc::denied:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::unsupported:
      return 501;
    case Errc::unavailable:
      return 503;
    case Errc::cancelled:
    case Errc::exhausted:
    case Errc::io:
    case Errc::internal:
      return 500;
  }
  return 500;
}

std::string escape_complaint(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    const bool whole = at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 && hex_digit(text[at + 2]) >= 0;
    if (!whole) return "invalid URL escape \"" + std::string{text.substr(at, 3)} + "\"";
  }
  return {};
}

std::string query_complaint(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    if (pair.find(';') != std::string_view::npos) return "invalid semicolon separator in query";
    if (std::string complaint = escape_complaint(pair); !complaint.empty()) return complaint;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

std::string decode_query(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    out.emplace_back(decode_query(pair.substr(0, equals)),
                     decode_query(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return out;
}

nlohmann::json parse_json_body(const std::string& body, const std::optional<std::string>& content_type) {
  if (content_type && !content_type->empty()) {
    const std::string type = lower_trimmed(std::string_view{*content_type}.substr(0, content_type->find(';')));
    if (const std::string complaint = media_type_complaint(type); !complaint.empty()) {
      throw Error{Errc::invalid, "malformed Content-Type header (" + *content_type + "): mime: " + complaint};
    }
    if (type != "application/json" && !(body.empty() && type == "text/plain")) {
      throw Error{Errc::invalid, "unsupported Content-Type header (" + *content_type + "): must be 'application/json'"};
    }
  }
  // A web page can have a browser send a body of this type to a daemon at a TCP address, but not one of JSON's.
  if (!body.empty() && content_type.value_or("").empty()) {
    throw Error{Errc::invalid, "malformed Content-Type header (): mime: no media type"};
  }
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) return nullptr;
  if (nested_too_deeply(body)) throw Error{Errc::invalid, "invalid JSON: exceeded max depth"};
  if (const std::string complaint = wire::json_complaint(body); !complaint.empty()) {
    throw Error{Errc::invalid, "invalid JSON: " + complaint};
  }
  try {
    return wire::parse_as_go(body);
  } catch (const nlohmann::json::exception& failure) {
    const std::string complaint = json_complaint(failure);
    if (complaint.ends_with("expected end of input")) throw Error{Errc::invalid, "unexpected content after JSON"};
    throw Error{Errc::invalid, "invalid JSON: " + complaint};
  }
}

}  // namespace gantry::api
