#include "log_subject/attributes.hpp"

#include <algorithm>
#include <optional>
#include <regex>

#include "log_subject/option_text.hpp"

namespace gantry::log_subject {

namespace {

constexpr std::size_t kLongestName = 1024;  // std::regex recurses at each character

// In Go's words where they are the same. libstdc++'s codes say too little: it takes "*a" for a wrong parenthesis.
std::string reason_of(const std::regex_error& error, const std::string& text) {
  const auto opened = std::count(text.begin(), text.end(), '(');
  const auto closed = std::count(text.begin(), text.end(), ')');
  if (opened > closed) return "missing closing ): `" + text + "`";
  if (closed > opened) return "unexpected ): `" + text + "`";
  const std::size_t bracket = text.rfind('[');
  const bool unclosed = bracket != std::string::npos && text.find(']', bracket) == std::string::npos;
  if (unclosed) return "missing closing ]: `" + text.substr(bracket) + "`";
  if (text.find_first_of("*+?") == 0) return "missing argument to repetition operator: `" + text.substr(0, 1) + "`";
  if (text.ends_with('\\')) return "trailing backslash at end of expression: ``";
  return error.what();
}

std::optional<std::regex> expression(const Options& options, const std::string& name) {
  const std::string text = text_of(options, name);
  if (text.empty()) return std::nullopt;
  try {
    return std::regex{text, std::regex::ECMAScript | std::regex::optimize};
  } catch (const std::regex_error& error) {
    throw Error{Errc::invalid, "error parsing regexp: " + reason_of(error, text)};
  }
}

void choose(const Attributes& from, const Options& options, const std::string& name, Attributes& out) {
  const std::string listed = text_of(options, name);
  for (std::size_t begin = 0; !listed.empty() && begin <= listed.size();) {
    const std::size_t comma = std::min(listed.find(',', begin), listed.size());
    const auto found = from.find(listed.substr(begin, comma - begin));
    if (found != from.end()) out[found->first] = found->second;
    begin = comma + 1;
  }
  const auto wanted = expression(options, name + "-regex");
  if (!wanted) return;
  for (const auto& [key, value] : from) {
    if (key.size() <= kLongestName && std::regex_search(key, *wanted)) out[key] = value;
  }
}

}  // namespace

Attributes attributes_of(const log::v1::Subject& subject, const Options& options) {
  Attributes out;
  choose(subject.labels, options, "labels", out);
  Attributes env;
  for (const std::string& variable : subject.env) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos) env[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  choose(env, options, "env", out);
  return out;
}

void check_expressions(const Options& options) {
  (void)expression(options, "labels-regex");
  (void)expression(options, "env-regex");
}

}  // namespace gantry::log_subject
