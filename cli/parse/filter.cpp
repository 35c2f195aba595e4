#include "parse/filter.hpp"

#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

void check_filter(const std::string& filter) {
  if (!filter.empty() && !cut(filter, '=')) throw InvalidValue("bad format of filter (expected name=value)");
}

std::string filters_parameter(const std::vector<std::string>& filters) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const std::string& filter : filters) {
    const auto pair = cut(filter, '=');
    if (pair) all[lower(trimmed(pair->first))][trimmed(pair->second)] = true;
  }
  return all.empty() ? "" : all.dump();
}

}  // namespace gantry::cli
