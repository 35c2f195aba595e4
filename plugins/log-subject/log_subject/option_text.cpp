#include "log_subject/option_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>

namespace gantry::log_subject {

void check_names(const Options& options, const std::vector<OptionInfo>& known, const std::string& driver) {
  for (const auto& [name, value] : options) {
    const auto is_it = [&wanted = name](const OptionInfo& info) {
      return info.scope == OptionScope::object && info.name == wanted;
    };
    if (std::none_of(known.begin(), known.end(), is_it)) {
      throw Error{Errc::invalid, "unknown log opt '" + name + "' for " + driver};
    }
  }
}

OptionInfo object_option(const char* name, const char* default_value, const char* help) {
  return {name, OptionType::text, OptionScope::object, default_value, help};
}

void add_subject_options(std::vector<OptionInfo>& out) {
  out.push_back(object_option("labels", "", "Labels to add to each line, separated by commas"));
  out.push_back(object_option("labels-regex", "", "Labels that match are added to each line"));
  out.push_back(object_option("env", "", "Environment variables to add to each line, separated by commas"));
  out.push_back(object_option("env-regex", "", "Environment variables that match are added to each line"));
  out.push_back(object_option("tag", "", "Template of the tag of each line: {{.Name}}/{{.ID}}"));
}

std::string text_of(const Options& options, const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? std::string{} : found->second;
}

std::uint64_t parse_size(const std::string& text, std::uint64_t base) {
  const Error wrong{Errc::invalid, "invalid size: '" + text + "'"};
  const std::size_t end = text.find_last_of("0123456789.");
  if (end == std::string::npos || text.find_first_not_of("0123456789.") < end) throw wrong;
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + end + 1, value);
  if (error != std::errc{} || rest != text.data() + end + 1) throw wrong;
  std::string unit = text.substr(end + 1);
  if (unit.starts_with(' ')) unit.erase(0, 1);
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  static const std::string kUnits = "kmgtp";
  if (!unit.empty() && unit != "b") {
    const std::size_t power = kUnits.find(unit[0]);
    static const std::set<std::string> kEnds{"", "b", "ib"};
    if (power == std::string::npos || !kEnds.contains(unit.substr(1))) throw wrong;
    value *= std::pow(static_cast<double>(base), static_cast<double>(power + 1));
  }
  if (value >= 9e18) throw wrong;
  return static_cast<std::uint64_t>(value);
}

std::int64_t parse_count(const std::string& text) {
  std::int64_t count = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw Error{Errc::invalid, "strconv.Atoi: parsing \"" + text + "\": invalid syntax"};
  }
  return count;
}

bool parse_truth(const std::string& text) {
  static const std::set<std::string> yes{"1", "t", "T", "TRUE", "true", "True"};
  static const std::set<std::string> no{"0", "f", "F", "FALSE", "false", "False"};
  if (!yes.contains(text) && !no.contains(text)) {
    throw Error{Errc::invalid, "strconv.ParseBool: parsing \"" + text + "\": invalid syntax"};
  }
  return yes.contains(text);
}

}  // namespace gantry::log_subject
