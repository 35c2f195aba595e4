#include "plugins/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace gantry::plugins {
namespace {

bool is_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size();
}

bool is_size(std::string_view text) {
  if (!text.empty() && std::string_view{"kmgtKMGT"}.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  return is_integer(text) && text.front() != '-';
}

/// One number and its unit of Go's time.ParseDuration, taken off the front.
bool take_duration_part(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits);
  if (number.empty() || number == "." || std::ranges::count(number, '.') > 1) return false;
  text.remove_prefix(digits);
  for (const std::string_view unit : {"ns", "us", "µs", "ms", "s", "m", "h"}) {
    if (text.starts_with(unit)) {
      text.remove_prefix(unit.size());
      return true;
    }
  }
  return false;
}

bool is_duration(std::string_view text) {
  if (text == "0") return true;
  if (text.empty()) return false;
  while (!text.empty()) {
    if (!take_duration_part(text)) return false;
  }
  return true;
}

struct Form {
  OptionType type;
  bool (*matches)(std::string_view);
  const char* description;
};

constexpr std::array kForms{
    Form{OptionType::boolean, [](std::string_view text) { return text == "true" || text == "false"; }, "true or false"},
    Form{OptionType::integer, is_integer, "an integer"},
    Form{OptionType::size, is_size, "a size in bytes, optionally with a suffix k, m, g or t"},
    Form{OptionType::duration, is_duration, "a duration like 1h2m3.5s"},
    Form{OptionType::path, [](std::string_view text) { return text.starts_with('/'); }, "an absolute path"},
};

const OptionInfo* find_option(const DriverInfo& driver, OptionScope scope, const std::string& name) {
  const auto found = std::ranges::find_if(
      driver.options, [&](const OptionInfo& option) { return option.scope == scope && option.name == name; });
  return found == driver.options.end() ? nullptr : &*found;
}

std::string names_of(const DriverInfo& driver, OptionScope scope) {
  std::string names;
  for (const OptionInfo& option : driver.options) {
    if (option.scope == scope) names += (names.empty() ? "" : ", ") + option.name;
  }
  return names.empty() ? "it takes none" : "it takes " + names;
}

/// What helps whoever gave an option at the wrong place.
std::string elsewhere(const DriverInfo& driver, OptionScope scope, const std::string& name) {
  const bool is_other = std::ranges::any_of(
      driver.options, [&](const OptionInfo& option) { return option.scope != scope && option.name == name; });
  if (!is_other) return {};
  return scope == OptionScope::driver ? " (\"" + name + "\" goes with each " + driver.kind + ", not into driver-opts)"
                                      : " (\"" + name + "\" goes into driver-opts)";
}

void check_value(const DriverInfo& driver, const OptionInfo& option, const std::string& value) {
  const std::string where = driver.kind + " driver \"" + driver.name + "\": option \"" + option.name + "\"";
  if (value.find('\0') != std::string::npos) throw Error{Errc::invalid, where + " holds a zero byte"};
  const auto form = std::ranges::find(kForms, option.type, &Form::type);
  if (form == kForms.end() || form->matches(value)) return;
  throw Error{Errc::invalid, where + " is \"" + value + "\", but must be " + form->description};
}

}  // namespace

void check_option_names(const DriverInfo& driver, OptionScope scope, const Options& given) {
  for (const auto& [name, value] : given) {
    if (find_option(driver, scope, name) != nullptr) continue;
    throw Error{Errc::invalid, driver.kind + " driver \"" + driver.name + "\" has no option \"" + name + "\"; " +
                                   names_of(driver, scope) + elsewhere(driver, scope, name)};
  }
}

void check_options(const DriverInfo& driver, OptionScope scope, const Options& given) {
  check_option_names(driver, scope, given);
  for (const auto& [name, value] : given) check_value(driver, *find_option(driver, scope, name), value);
}

Options complete_options(const DriverInfo& driver, const Options& given) {
  check_options(driver, OptionScope::driver, given);
  Options complete = given;
  for (const OptionInfo& option : driver.options) {
    if (option.scope == OptionScope::driver) complete.emplace(option.name, option.default_value);
  }
  return complete;
}

}  // namespace gantry::plugins
