#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "format/go_value.hpp"
#include "format/template.hpp"

namespace gantry::cli {

namespace {

using Arguments = std::vector<Json>;

const Json& argument(const Arguments& arguments, std::size_t index, const char* function) {
  if (index < arguments.size()) return arguments[index];
  throw TemplateError(std::string("template: :1: wrong number of args for ") + function);
}

std::string text(const Arguments& arguments, std::size_t index, const char* function) {
  return go_text(argument(arguments, index, function));
}

std::string mapped(std::string text, int (*change)(int)) {
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

std::string titled(std::string text) {
  bool starts = true;
  for (char& c : text) {
    if (starts) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    starts = std::isspace(static_cast<unsigned char>(c)) != 0;
  }
  return text;
}

Json characters(const std::string& text) {
  Json all = Json::array();
  for (std::size_t start = 0; start < text.size();) {
    std::size_t end = start + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    all.push_back(text.substr(start, end - start));
    start = end;
  }
  return all;
}

Json split_text(const Arguments& arguments) {
  const std::string whole = text(arguments, 0, "split");
  const std::string separator = text(arguments, 1, "split");
  Json parts = Json::array();
  if (separator.empty()) return characters(whole);
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = whole.find(separator, start);
    if (end == std::string::npos) break;
    parts.push_back(whole.substr(start, end - start));
    start = end + separator.size();
  }
  parts.push_back(whole.substr(start));
  return parts;
}

Json join(const Arguments& arguments) {
  const std::string separator = text(arguments, 1, "join");
  std::string out;
  bool first = true;
  for (const Json& part : argument(arguments, 0, "join")) {
    if (!first) out += separator;
    out += go_text(part);
    first = false;
  }
  return out;
}

Json pad(const Arguments& arguments) {
  const std::string source = text(arguments, 0, "pad");
  if (source.empty()) return source;
  const auto spaces = [&](std::size_t index) {
    const Json& count = argument(arguments, index, "pad");
    const std::int64_t width = count.is_number() ? count.get<std::int64_t>() : 0;
    return std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 4096)), ' ');
  };
  return spaces(1) + source + spaces(2);
}

Json truncate(const Arguments& arguments) {
  std::string source = text(arguments, 0, "truncate");
  const Json& length = argument(arguments, 1, "truncate");
  const auto limit = length.is_number() ? std::max<std::int64_t>(length.get<std::int64_t>(), 0) : 0;
  if (source.size() > static_cast<std::size_t>(limit)) source.resize(static_cast<std::size_t>(limit));
  return source;
}

Json index(const Arguments& arguments) {
  Json value = argument(arguments, 0, "index");
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const Json& key = arguments[i];
    Json item;
    if (value.is_object() && key.is_string()) {
      const auto found = value.find(key.get<std::string>());
      if (found != value.end()) item = *found;
    } else if (value.is_array() && key.is_number_integer()) {
      const auto at = key.get<std::int64_t>();
      if (at < 0 || static_cast<std::size_t>(at) >= value.size()) {
        throw TemplateError("template: :1: executing \"\" at <index>: error calling index: index out of range: " +
                            std::to_string(at));
      }
      item = value[static_cast<std::size_t>(at)];
    } else if (value.is_null()) {
      throw TemplateError("template: :1: executing \"\" at <index>: error calling index: index of untyped nil");
    } else {
      throw TemplateError("template: :1: executing \"\" at <index>: error calling index: can't index item");
    }
    value = std::move(item);
  }
  return value;
}

Json slice(const Arguments& arguments) {
  const Json& value = argument(arguments, 0, "slice");
  const std::size_t size = value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
  const auto bound = [&](std::size_t i, std::size_t standard) {
    if (i >= arguments.size()) return standard;
    const std::int64_t at = arguments[i].is_number_integer() ? arguments[i].get<std::int64_t>() : -1;
    if (at < 0 || static_cast<std::size_t>(at) > size) {
      throw TemplateError("template: :1: executing \"\" at <slice>: error calling slice: index out of range: " +
                          std::to_string(at));
    }
    return static_cast<std::size_t>(at);
  };
  const std::size_t first = bound(1, 0);
  const std::size_t last = std::max(first, bound(2, size));
  if (value.is_string()) return value.get<std::string>().substr(first, last - first);
  Json out = Json::array();
  for (std::size_t i = first; i < last; ++i) out.push_back(value[i]);
  return out;
}

Json without_methods(const Json& value) {
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& item : value.items()) {
    if (item.key().rfind(Template::kMethod, 0) != 0) out[item.key()] = item.value();
  }
  return out;
}

std::string printed(const Arguments& arguments, bool always_spaced) {
  std::string out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool texts = i > 0 && (arguments[i].is_string() || arguments[i - 1].is_string());
    if (i > 0 && (always_spaced || !texts)) out += ' ';
    out += go_text(arguments[i]);
  }
  return out;
}

template <class Compare>
TemplateFunction ordering(Compare compare) {
  return [compare](const Arguments& arguments) -> Json {
    return compare(argument(arguments, 0, "comparison"), argument(arguments, 1, "comparison"));
  };
}

Json equal(const Arguments& arguments) {
  const Json& first = argument(arguments, 0, "eq");
  argument(arguments, 1, "eq");
  return std::any_of(arguments.begin() + 1, arguments.end(), [&](const Json& each) { return each == first; });
}

TemplateFunctions make_functions() {
  TemplateFunctions all;
  all["json"] = [](const Arguments& a) -> Json { return without_methods(argument(a, 0, "json")).dump(); };
  all["split"] = split_text;
  all["join"] = join;
  all["title"] = [](const Arguments& a) -> Json { return titled(text(a, 0, "title")); };
  all["lower"] = [](const Arguments& a) -> Json { return mapped(text(a, 0, "lower"), std::tolower); };
  all["upper"] = [](const Arguments& a) -> Json { return mapped(text(a, 0, "upper"), std::toupper); };
  all["pad"] = pad;
  all["truncate"] = truncate;
  all["index"] = index;
  all["slice"] = slice;
  all["len"] = [](const Arguments& a) -> Json {
    const Json& value = argument(a, 0, "len");
    return value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
  };
  all["print"] = [](const Arguments& a) -> Json { return printed(a, false); };
  all["println"] = [](const Arguments& a) -> Json { return printed(a, true) + "\n"; };
  all["printf"] = [](const Arguments& a) -> Json {
    return go_printf(text(a, 0, "printf"), Arguments(a.begin() + 1, a.end()));
  };
  all["not"] = [](const Arguments& a) -> Json { return !go_truth(argument(a, 0, "not")); };
  all["eq"] = equal;
  all["ne"] = ordering([](const Json& a, const Json& b) { return a != b; });
  all["lt"] = ordering([](const Json& a, const Json& b) { return a < b; });
  all["le"] = ordering([](const Json& a, const Json& b) { return a <= b; });
  all["gt"] = ordering([](const Json& a, const Json& b) { return a > b; });
  all["ge"] = ordering([](const Json& a, const Json& b) { return a >= b; });
  return all;
}

}  // namespace

const TemplateFunctions& template_functions() {
  static const TemplateFunctions all = make_functions();
  return all;
}

}  // namespace gantry::cli
