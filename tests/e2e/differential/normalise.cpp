#include "normalise.hpp"

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

namespace gantry::e2e::differential {

namespace {

using nlohmann::json;

// Members whose numbers tell of the host, the moment or the file system. Zero stays: that there is nothing is an
// answer.
const std::set<std::string> kFigures{
    "Pid",  "Size",     "SizeRw", "SizeRootFs", "VirtualSize", "SharedSize",  "LayersSize",      "Created",
    "time", "timeNano", "NCPU",   "MemTotal",   "NFd",         "NGoroutines", "NEventsListener", "SpaceReclaimed"};

json without_figures(const json& value, const std::string& name) {
  if (value.is_object()) {
    json out = json::object();
    for (const auto& [key, member] : value.items()) out[key] = without_figures(member, key);
    return out;
  }
  if (value.is_array()) {
    json out = json::array();
    for (const auto& item : value) out.push_back(without_figures(item, name));
    return out;
  }
  if (value.is_number() && value != 0 && kFigures.contains(name)) return "<n>";
  // Ports that the daemon chose come from the kernel's ephemeral range.
  if (name == "PublicPort" && value.is_number() && value >= 32768) return "<port>";
  if (name == "HostPort" && value.is_string() && value.get<std::string>().size() == 5) return "<port>";
  return value;
}

std::string sorted_json(const std::string& line) {
  if (line.empty() || (line.front() != '{' && line.front() != '[')) return line;
  const json parsed = json::parse(line, nullptr, false);
  if (parsed.is_discarded()) return line;
  return without_figures(parsed, "").dump(-1, ' ', false, json::error_handler_t::replace);
}

struct Rule {
  std::regex pattern;
  const char* replacement;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all{
      {std::regex{"\\b[0-9a-f]{64}\\b"}, "<id>"},
      {std::regex{"\\b[0-9a-f]{12}\\b"}, "<id>"},
      {std::regex{"\\b20\\d\\d-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d| [+-]\\d{4} UTC)?"},
       "<time>"},
      {std::regex{"\\b(Less than a second|About an? (minute|hour)|\\d+ (second|minute|hour|day|week|month|year)s?)\\b"},
       "<span>"},
      {std::regex{"\\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\\b"}, "<mac>"},
      {std::regex{"\\b(172|10|192)(\\.\\d{1,3}){3}"}, "<ip>"},
      {std::regex{"\\b1[67]\\d{17}\\b"}, "<nano>"},
      {std::regex{"\\b1[67]\\d{8}(\\.\\d{1,9})?\\b"}, "<unix>"},
      {std::regex{":(3[2-9]\\d{3}|[45]\\d{4}|6[0-5]\\d{3})\\b"}, ":<port>"},
      {std::regex{"\\b(?!0B)\\d+(\\.\\d+)? ?([kMGT]i?)?B\\b"}, "<size>"},
      {std::regex{"(\\S) {2,}"}, "$1  "},
      {std::regex{"[ \\r]+$"}, ""},
  };
  return all;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string normalise(const std::string& transcript, const std::map<std::string, std::string>& words) {
  std::string out;
  std::istringstream lines{transcript};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("$ ")) {
      for (const auto& [from, to] : words) replace_all(line, from, to);
      line = sorted_json(line);
      for (const auto& rule : rules()) line = std::regex_replace(line, rule.pattern, rule.replacement);
    }
    out += line + "\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace gantry::e2e::differential
