#include "command/flags.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "command/failure.hpp"
#include "command/output.hpp"
#include "format/go_value.hpp"
#include "format/wrap.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

bool parse_bool(const std::string& text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  throw InvalidValue("strconv.ParseBool: parsing " + go_quote(text) + ": invalid syntax");
}

namespace {

std::int64_t parse_based(const std::string& text, int base) {
  char* end = nullptr;
  errno = 0;
  const long long value = std::strtoll(text.c_str(), &end, base);
  if (text.empty() || std::isspace(static_cast<unsigned char>(text[0])) != 0 || *end != '\0') {
    throw InvalidValue("strconv.ParseInt: parsing " + go_quote(text) + ": invalid syntax");
  }
  if (errno == ERANGE) throw InvalidValue("strconv.ParseInt: parsing " + go_quote(text) + ": value out of range");
  return value;
}

}  // namespace

std::int64_t parse_integer(const std::string& text) { return parse_based(text, 0); }
std::int64_t parse_decimal(const std::string& text) { return parse_based(text, 10); }

std::int64_t parse_unsigned(const std::string& text, unsigned bits) {
  const std::string begin = "strconv.ParseUint: parsing " + go_quote(text) + ": ";
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0)
    throw InvalidValue(begin + "invalid syntax");
  char* end = nullptr;
  errno = 0;
  const unsigned long long value = std::strtoull(text.c_str(), &end, 0);
  if (*end != '\0') throw InvalidValue(begin + "invalid syntax");
  if (errno == ERANGE || value > INT64_MAX || (bits < 63 && value >> bits != 0)) {
    throw InvalidValue(begin + "value out of range");
  }
  return static_cast<std::int64_t>(value);
}

Flags::Flag& Flags::add(std::string_view names, std::string_view type, std::string_view help, Reader read) {
  Flag flag;
  const auto comma = names.find(',');
  flag.name = names.substr(0, comma);
  if (comma != std::string_view::npos) flag.shorthand = names[comma + 1];
  flag.type = type;
  flag.help = help;
  flag.read = std::move(read);
  flags_.push_back(std::move(flag));
  return flags_.back();
}

Flags& Flags::toggle(std::string_view names, bool& value, std::string_view help) {
  Flag& flag = add(names, "", help, [&value](const std::string& text) { value = parse_bool(text); });
  flag.is_toggle = true;
  if (value) flag.default_text = "true";
  return *this;
}

Flags& Flags::text(std::string_view names, std::string& value, std::string_view help, std::string_view type) {
  Flag& flag = add(names, type, help, [&value](const std::string& text) { value = text; });
  if (!value.empty()) flag.default_text = "\"" + value + "\"";
  return *this;
}

Flags& Flags::list(std::string_view names, std::vector<std::string>& values, std::string_view help,
                   std::string_view type) {
  Flag& flag = add(names, type, help, [&values](const std::string& text) { values.push_back(text); });
  if (type == "map") flag.default_text = "map[]";
  return *this;
}

Flags& Flags::commas(std::string_view names, std::vector<std::string>& values, std::string_view help) {
  add(names, "strings", help, [&values](const std::string& text) {
    if (text.empty()) return;
    for (std::string& field : csv_fields(text)) values.push_back(std::move(field));
  });
  return *this;
}

Flags& Flags::integer(std::string_view names, std::int64_t& value, std::string_view help, std::string_view type) {
  Flag& flag = add(names, type, help, [&value](const std::string& text) { value = parse_integer(text); });
  if (value != 0) flag.default_text = std::to_string(value);
  return *this;
}

Flags& Flags::custom(std::string_view names, std::string_view type, std::string_view help, Reader read) {
  add(names, type, help, std::move(read));
  return *this;
}

Flags& Flags::optional(std::string_view names, std::string_view type, std::string_view help, IsValue is_value,
                       Reader read) {
  add(names, type, help, std::move(read)).is_value = is_value;
  return *this;
}

Flags& Flags::hidden() {
  flags_.back().is_hidden = true;
  return *this;
}

Flags& Flags::deprecated(std::string_view instead) {
  flags_.back().deprecated = instead;
  return hidden();
}

Flags& Flags::default_text(std::string_view text) {
  flags_.back().default_text = text;
  return *this;
}

Flags::Flag* Flags::find(std::string_view name) {
  for (Flag& flag : flags_) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

Flags::Flag* Flags::find(char shorthand) {
  for (Flag& flag : flags_) {
    if (flag.shorthand == shorthand) return &flag;
  }
  return nullptr;
}

bool Flags::given(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name) return flag.was_given;
  }
  return false;
}

void Flags::set(Flag& flag, const std::string& value) {
  try {
    flag.read(value);
  } catch (const InvalidValue& error) {
    const std::string name =
        flag.shorthand != 0 ? std::string("-") + flag.shorthand + ", --" + flag.name : "--" + flag.name;
    throw InvalidValue("invalid argument " + go_quote(value) + " for \"" + name + "\" flag: " + error.what());
  }
  if (!flag.deprecated.empty()) notices_ += "Flag --" + flag.name + " has been deprecated, " + flag.deprecated + "\n";
  flag.was_given = true;
}

void Flags::set_help(const std::string& value) {
  try {
    help_wanted_ = parse_bool(value);
  } catch (const InvalidValue& error) {
    throw InvalidValue("invalid argument " + go_quote(value) + " for \"--help\" flag: " + error.what());
  }
}

std::size_t Flags::take_long(const std::vector<std::string>& arguments, std::size_t index) {
  const std::string& word = arguments[index];
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
  if (name.empty() || name[0] == '-') throw InvalidValue("bad flag syntax: " + word);
  if (name == "help") {
    set_help(equals == std::string::npos ? "true" : word.substr(equals + 1));
    return index + 1;
  }
  Flag* flag = find(name);
  if (flag == nullptr) throw InvalidValue("unknown flag: --" + name);
  if (equals != std::string::npos) {
    set(*flag, word.substr(equals + 1));
    return index + 1;
  }
  if (flag->is_toggle) {
    set(*flag, "true");
    return index + 1;
  }
  if (flag->is_value != nullptr && (index + 1 == arguments.size() || !flag->is_value(arguments[index + 1]))) {
    set(*flag, "true");
    return index + 1;
  }
  if (index + 1 == arguments.size()) throw InvalidValue("flag needs an argument: --" + name);
  set(*flag, arguments[index + 1]);
  return index + 2;
}

std::size_t Flags::take_short(const std::vector<std::string>& arguments, std::size_t index) {
  std::string letters = arguments[index].substr(1);
  while (!letters.empty()) {
    Flag* flag = find(letters[0]);
    if (flag == nullptr) {
      if (letters[0] == 'h') {
        help_wanted_ = help_by_letter_ = true;
        letters.erase(0, 1);
        continue;
      }
      throw InvalidValue(std::string("unknown shorthand flag: '") + letters[0] + "' in -" + letters);
    }
    if (letters.size() > 2 && letters[1] == '=') {
      set(*flag, letters.substr(2));
      return index + 1;
    }
    if (flag->is_toggle) {
      set(*flag, "true");
      letters.erase(0, 1);
      continue;
    }
    if (letters.size() > 1) {
      set(*flag, letters.substr(1));
      return index + 1;
    }
    if (index + 1 == arguments.size()) {
      throw InvalidValue(std::string("flag needs an argument: '") + letters[0] + "' in -" + letters);
    }
    set(*flag, arguments[index + 1]);
    return index + 2;
  }
  return index + 1;
}

std::vector<std::string> Flags::parse(const std::vector<std::string>& arguments, bool interspersed) {
  std::vector<std::string> rest;
  std::size_t index = 0;
  while (index < arguments.size()) {
    const std::string& word = arguments[index];
    const bool is_flag = word.size() > 1 && word[0] == '-';
    if (word == "--") {
      ++index;
      break;
    }
    if (!is_flag) {
      if (!interspersed) break;
      rest.push_back(word);
      ++index;
    } else {
      index = word[1] == '-' ? take_long(arguments, index) : take_short(arguments, index);
    }
  }
  rest.insert(rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(index), arguments.end());
  if (!notices_.empty()) print_text(std::exchange(notices_, {}));
  return rest;
}

std::string Flags::usages(std::size_t width) const {
  struct Line {
    std::string left;
    const Flag* flag;
  };
  std::vector<const Flag*> sorted;
  for (const Flag& flag : flags_) {
    if (!flag.is_hidden) sorted.push_back(&flag);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Flag* a, const Flag* b) { return a->name < b->name; });
  std::vector<Line> lines;
  std::size_t left_width = 0;
  for (const Flag* flag : sorted) {
    std::string left = flag->shorthand != 0 ? std::string("  -") + flag->shorthand + ", --" : "      --";
    left += flag->name;
    if (!flag->type.empty()) left += " " + flag->type;
    left_width = std::max(left_width, left.size());
    lines.push_back({left, flag});
  }
  std::string out;
  for (const Line& line : lines) {
    std::string help = line.flag->help;
    if (!line.flag->default_text.empty()) help += " (default " + line.flag->default_text + ")";
    out += line.left + std::string(left_width - line.left.size() + 3, ' ') + wrap(help, left_width + 3, width) + "\n";
  }
  return out;
}

std::vector<Flags::Summary> Flags::summaries() const {
  std::vector<Summary> out{{"help", 0, false, false}};
  for (const Flag& flag : flags_) {
    out.push_back({flag.name, flag.shorthand, !flag.is_toggle && flag.is_value == nullptr, flag.is_hidden});
  }
  return out;
}

}  // namespace gantry::cli
