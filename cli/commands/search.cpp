#include <nlohmann/json.hpp>

#include "client/credentials.hpp"
#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "format/units.hpp"

namespace gantry::cli {

namespace {

const ColumnHeads kSearchHeads{{"Name", "NAME"},
                               {"Description", "DESCRIPTION"},
                               {"StarCount", "STARS"},
                               {"IsOfficial", "OFFICIAL"},
                               {"IsAutomated", "AUTOMATED"}};

std::string description_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

int registry_search(Context& context) {
  bool full = false;
  std::int64_t limit = 0;
  ListFlags list;
  Flags flags;
  list.declare_filter(flags, "Filter output based on conditions provided");
  flags.text("format", list.format, "Pretty-print search using a Go template")
      .integer("limit", limit, "Max number of search results")
      .toggle("no-trunc", full, "Don't truncate output");
  const auto words = context.parse(flags, Arity::exactly(1));
  Query query;
  query.add("term", words[0]);
  query.add_if(limit > 0, "limit", std::to_string(limit));
  list.add_filters(query);
  const Json results = context.client().get("/images/search" + query.text());
  std::vector<Json> rows;
  for (const Json& result : results) {
    const std::string description = description_line(result.value("description", ""));
    const bool official = result.value("is_official", false);
    rows.push_back({{"Description", full ? description : ellipsis(description, 45)},
                    {"IsAutomated", "false"},
                    {"IsOfficial", list.format.empty() ? (official ? "[OK]" : "") : (official ? "true" : "false")},
                    {"Name", result.value("name", "")},
                    {"StarCount", std::to_string(result.value("star_count", 0))}});
  }
  list.print({list.format, "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}", kSearchHeads,
              "*registry.searchContext"},
             rows, false, "");
  return 0;
}

}  // namespace gantry::cli
