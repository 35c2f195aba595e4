#include "lint.hpp"

#include <algorithm>
#include <array>

#include "text.hpp"

namespace gantry::dockerfile {
namespace {

/// The rules that BuildKit has on trial: they are for those who ask for them.
constexpr std::array kOnTrial{"CopyIgnoredFile", "InvalidDefinitionDescription"};

/// Nobody reads more.
constexpr std::size_t kMostFindings = 1000;

bool is_on_trial(const std::string& rule) {
  return std::any_of(kOnTrial.begin(), kOnTrial.end(), [&](const char* one) { return rule == one; });
}

bool lists(const std::vector<std::string>& rules, const std::string& rule) {
  return std::any_of(rules.begin(), rules.end(), [&](const std::string& one) { return one == "all" || one == rule; });
}

/// "JSONArgsRecommended" as its page is called: "json-args-recommended".
std::string page_of(const std::string& rule) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  std::string out;
  for (std::size_t at = 0; at < rule.size(); ++at) {
    const bool ends_capitals = at + 1 < rule.size() && !is_upper(rule[at + 1]);
    if (at > 0 && is_upper(rule[at]) && (!is_upper(rule[at - 1]) || ends_capitals)) out += '-';
    out += rule[at];
  }
  return lower(out);
}

/// As Go's strconv.ParseBool.
bool go_bool(const std::string& text, const std::string& option) {
  for (const char* word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (const char* word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  throw Error{Errc::invalid, "failed to parse check options: failed to parse check option " + quote(option) +
                                 ": strconv.ParseBool: parsing " + quote(text) + ": invalid syntax"};
}

std::vector<std::string> rules_of(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& rule : split(text, ',')) out.emplace_back(trim(rule));
  return out;
}

}  // namespace

std::string show_finding(const Finding& finding) {
  return finding.rule + ": " + finding.text + " (line " + std::to_string(finding.line) + ")";
}

std::string explain_finding(const Finding& finding) {
  return "WARNING: " + finding.rule + " - https://docs.docker.com/go/dockerfile/rule/" + page_of(finding.rule) + "/\n" +
         finding.text + "\n";
}

bool CheckOptions::wants(const std::string& rule) const {
  return is_on_trial(rule) ? lists(experimental, rule) : !lists(skip, rule);
}

CheckOptions CheckOptions::with(const std::vector<std::string>& comments) const {
  constexpr std::string_view kCheck = "check=";
  CheckOptions out = *this;
  for (const std::string& comment : comments) {
    if (!comment.starts_with(kCheck)) continue;
    try {
      const CheckOptions more = parse_check(comment.substr(kCheck.size()));
      out.skip.insert(out.skip.end(), more.skip.begin(), more.skip.end());
      out.experimental.insert(out.experimental.end(), more.experimental.begin(), more.experimental.end());
    } catch (const Error&) {
      // A comment may say anything.
    }
  }
  return out;
}

CheckOptions parse_check(const std::string& text) {
  CheckOptions out;
  if (trim(text).empty()) return out;
  for (const std::string& part : split(text, ';')) {
    const std::size_t equals = part.find('=');
    const std::string key{trim(std::string_view{part}.substr(0, equals))};
    if (equals == std::string::npos) {
      throw Error{Errc::invalid, "failed to parse check options: invalid check option " + quote(part)};
    }
    const std::string value{trim(std::string_view{part}.substr(equals + 1))};
    if (key == "skip") {
      out.skip = rules_of(value);
    } else if (key == "experimental") {
      out.experimental = rules_of(value);
    } else if (key == "error") {
      out.error = go_bool(value, part);
    } else {
      throw Error{Errc::invalid, "failed to parse check options: invalid check option " + quote(key)};
    }
  }
  return out;
}

CheckOptions check_options(const builder::v1::Request& request, const Recipe& recipe) {
  for (const auto& [name, value] : request.arguments) {
    if (name == kCheckArgument && value) return parse_check(*value);
  }
  return parse_check(recipe.check);
}

std::optional<Expanded> try_expand(const std::string& word, char escape, const Variables& variables, LintWork& work) {
  Expanded out;
  const Variables noting = [&](std::string_view name) {
    auto value = variables(name);
    (value ? out.found : out.missing).emplace(name);
    return value;
  };
  std::size_t cost = LintWork::kStep;
  try {
    out.text = expand(word, escape, noting, &cost);
  } catch (const Error&) {
    work.spend(cost);
    return {};
  }
  work.spend(cost);
  return out;
}

Findings lint(const LintSubject& subject) {
  Findings out;
  LintWork work{subject.call};
  const AddFinding add = [&](const char* rule, std::string text, const Instruction& about) {
    std::size_t cost = LintWork::kStep * (1 + subject.options.skip.size() + subject.options.experimental.size());
    for (const std::string& comment : about.comments) cost += LintWork::kStep + comment.size();
    work.spend(cost);
    if (!subject.options.with(about.comments).wants(rule)) return;
    out.list.push_back({rule, std::move(text), about.line, about.last_line});
    if (out.list.size() >= kMostFindings) throw LintWork::Spent{};
  };
  try {
    lint_file(subject, work, add);
    lint_steps(subject, work, add);
  } catch (const LintWork::Spent&) {
    out.whole = false;
  }
  std::stable_sort(out.list.begin(), out.list.end(),
                   [](const Finding& left, const Finding& right) { return left.line < right.line; });
  return out;
}

}  // namespace gantry::dockerfile
