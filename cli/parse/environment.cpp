#include "parse/environment.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

void read_file(const std::string& path, const char* kind, bool from_environment, std::vector<std::string>& out) {
  std::ifstream file(path);
  if (!file) throw InvalidValue("open " + path + ": " + lower(std::strerror(errno)));
  const std::string where = std::string("invalid ") + kind + " file (" + path + "): ";
  std::string line;
  bool first = true;
  while (std::getline(file, line)) {
    if (first && starts_with(line, "\xEF\xBB\xBF")) line.erase(0, 3);
    first = false;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line[0] == '#') continue;
    const auto pair = cut(line, '=');
    const std::string name = pair ? pair->first : line;
    if (name.empty()) throw InvalidValue(where + "no variable name on line '" + line + "'");
    if (name.find_first_of(" \t") != std::string::npos) {
      throw InvalidValue(where + "variable '" + name + "' contains whitespaces");
    }
    if (pair) {
      out.push_back(line);
    } else if (!from_environment) {
      continue;  // as docker: a label in a file has a value
    } else if (const char* value = std::getenv(trimmed(line).c_str())) {
      out.push_back(trimmed(line) + "=" + value);
    }
  }
}

}  // namespace

std::string parse_env(const std::string& text) {
  const auto pair = cut(text, '=');
  if (text.empty() || (pair && pair->first.empty())) throw InvalidValue("invalid environment variable: " + text);
  if (pair) return text;
  const char* value = std::getenv(text.c_str());
  return value == nullptr ? text : text + "=" + value;
}

std::vector<std::string> read_key_values(const std::vector<std::string>& files, const std::vector<std::string>& values,
                                         const char* kind, bool from_environment) {
  std::vector<std::string> out;
  for (const std::string& path : files) read_file(path, kind, from_environment, out);
  out.insert(out.end(), values.begin(), values.end());
  return out;
}

}  // namespace gantry::cli
