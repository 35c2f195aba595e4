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

}  // namespace

Differences::Differences(const std::filesystem::path& file) {
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t bar = line.find(" | ");
    if (bar == std::string::npos) throw std::runtime_error(file.string() + ": no \" | \" in: " + line);
    const std::string what = line.substr(bar + 3);
    Rule rule{std::regex{line.substr(0, bar)}, {}, {}, {}};
    if (what.starts_with('/')) {
      rule.pointer = what;
    } else if (what.starts_with("$ ")) {
      rule.command = std::regex{what.substr(2)};
    } else {
      rule.text = std::regex{what};
    }
    rules_.push_back(std::move(rule));
  }
}

bool Differences::differs_at(const std::string& where, const std::string& command) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return rule.command && std::regex_match(where, rule.where) && std::regex_match(command, *rule.command);
  });
}

std::string Differences::blind(const std::string& topic, const std::string& name, const std::string& client,
                               const std::string& transcript) const {
  const std::string where = topic + "/" + name + "@" + client;
  std::string out;
  std::istringstream lines{transcript};
  bool hidden = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("$ ")) hidden = differs_at(where, line.substr(2));
    if (hidden && !line.starts_with("$ ")) continue;
    for (const Rule& rule : rules_) {
      if (rule.command || line.starts_with("$ ") || !std::regex_match(where, rule.where)) continue;
      if (rule.pointer.empty()) {
        line = std::regex_replace(line, rule.text, "<differs>");
      } else if (json parsed = json::parse(line, nullptr, false); parsed.is_structured()) {
        remove_member(parsed, rule.pointer);
        line = parsed.dump();
      }
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace gantry::e2e::differential
