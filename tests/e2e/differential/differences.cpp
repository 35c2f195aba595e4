#include "differences.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace gantry::e2e::differential {

namespace {

using nlohmann::json;

// Removes the members that `pointer` names; "*" stands for every member or item, "**" for any number of steps.
void remove_member(json& value, const std::string& pointer) {
  if (constexpr std::string_view deep = "/**/"; pointer.starts_with(deep)) {
    if (!value.is_structured()) return;
    remove_member(value, pointer.substr(deep.size() - 1));
    for (auto& item : value) remove_member(item, pointer);
    return;
  }
  const std::size_t end = pointer.find('/', 1);
  const std::string name = pointer.substr(1, end == std::string::npos ? end : end - 1);
  if (end == std::string::npos) {
    if (value.is_object()) value.erase(name);
    return;
  }
  const std::string rest = pointer.substr(end);
  if (name == "*") {
    for (auto& item : value) remove_member(item, rest);
  } else if (value.is_object() && value.contains(name)) {
    remove_member(value[name], rest);
  }
}

constexpr std::string_view kBar = " | ";
constexpr std::string_view kInstead = " => ";

}  // namespace

Differences::Rule Differences::parse(const std::string& line) {
  const std::size_t bar = line.find(kBar);
  if (bar == std::string::npos) throw std::runtime_error("no \" | \" in: " + line);
  Rule rule{line, std::regex{line.substr(0, bar)}, {}, {}, {}, {}};
  std::string what = line.substr(bar + kBar.size());
  if (what.starts_with("$ ")) {
    const std::size_t next = what.rfind(kBar);
    rule.command = std::regex{what.substr(2, next == std::string::npos ? next : next - 2)};
    if (next == std::string::npos) return rule;
    what.erase(0, next + kBar.size());
  }
  if (what.starts_with('/')) {
    rule.pointer = what;
    return rule;
  }
  if (const std::size_t arrow = what.find(kInstead); arrow != std::string::npos) {
    rule.instead = what.substr(arrow + kInstead.size());
    what.erase(arrow);
  }
  rule.text = std::regex{what};
  return rule;
}

Differences::Differences(const std::filesystem::path& file) {
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.front() != '#') rules_.push_back(parse(line));
  }
}

std::string Differences::apply(const std::vector<const Rule*>& rules, const std::string& transcript, bool is_dockerd) {
  std::string out;
  std::istringstream lines{transcript};
  std::vector<const Rule*> here;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("$ ")) {
      here.clear();
      std::copy_if(rules.begin(), rules.end(), std::back_inserter(here), [&](const Rule* rule) {
        return !rule->command || std::regex_match(line.substr(2), *rule->command);
      });
      out += line + "\n";
      continue;
    }
    const auto whole = [](const Rule* rule) { return !rule->text && rule->pointer.empty(); };
    if (std::any_of(here.begin(), here.end(), whole)) continue;
    for (const Rule* rule : here) {
      if (!rule->pointer.empty()) {
        if (json parsed = json::parse(line, nullptr, false); parsed.is_structured()) {
          remove_member(parsed, rule->pointer);
          line = parsed.dump();
        }
      } else if (!rule->instead) {
        line = std::regex_replace(line, *rule->text, "<differs>");
      } else if (is_dockerd) {
        line = std::regex_replace(line, *rule->text, *rule->instead);
      }
    }
    out += line + "\n";
  }
  return out;
}

Differences::Compared Differences::compare(const std::string& topic, const std::string& name, const std::string& client,
                                           const std::string& dockerd, const std::string& gantryd) const {
  const std::string where = topic + "/" + name + "@" + client;
  std::vector<const Rule*> rules;
  for (const Rule& rule : rules_) {
    if (std::regex_match(where, rule.where)) rules.push_back(&rule);
  }
  return {apply(rules, dockerd, true), apply(rules, gantryd, false)};
}

std::vector<std::string> Differences::without_use(const std::vector<Place>& places) const {
  std::vector<std::string> unused;
  for (const Rule& rule : rules_) {
    const bool used = std::any_of(places.begin(), places.end(), [&](const Place& place) {
      if (!std::regex_match(place.where, rule.where)) return false;
      return !rule.command ||
             std::any_of(place.commands.begin(), place.commands.end(),
                         [&](const std::string& command) { return std::regex_match(command, *rule.command); });
    });
    if (!used) unused.push_back(rule.line);
  }
  return unused;
}

}  // namespace gantry::e2e::differential
