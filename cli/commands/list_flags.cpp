#include "commands/list_flags.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "command/output.hpp"
#include "format/go_value.hpp"
#include "parse/filter.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

void ListFlags::declare_filter(Flags& flags, std::string_view help, std::string_view names) {
  flags.custom(names, "filter", help, [this](const std::string& text) {
    check_filter(text);
    if (!text.empty()) filters.push_back(text);
  });
}

void ListFlags::declare_format(Flags& flags, bool has_table, std::string_view names) {
  std::string help = "Format output using a custom template:\n";
  if (has_table) {
    help +=
        "'table':            Print output in table format with column headers (default)\n"
        "'table TEMPLATE':   Print output in table format using the given Go template\n";
  }
  help +=
      "'json':             Print in JSON format\n"
      "'TEMPLATE':         Print output using the given Go template.\n"
      "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates";
  flags.text(names, format, help);
}

void ListFlags::add_filters(Query& query) const {
  const std::string parameter = filters_parameter(filters);
  query.add_if(!parameter.empty(), "filters", parameter);
}

void ListFlags::print(ListStyle style, const std::vector<Json>& rows, bool quiet, const char* quiet_template) const {
  if (style.format == "raw" && !style.raw.empty()) style.format = quiet ? style.raw_quiet : style.raw;
  if (quiet && (style.format.empty() || style.format == "table")) style.format = quiet_template;
  const std::string out = render(style, rows);
  print_text(out);
}

std::string joined_labels(const Json& labels) {
  std::vector<std::string> pairs;
  for (const auto& item : labels.items()) pairs.push_back(item.key() + "=" + go_text(item.value()));
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const std::string& pair : pairs) out += (out.empty() ? "" : ",") + pair;
  return out;
}

std::string local_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::localtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z %Z", &parts);
  return text.data();
}

bool confirmed(const std::string& question) {
  std::cout << question << " [y/N] " << std::flush;
  std::string answer;
  if (!std::getline(std::cin, answer)) return false;
  return lower(trimmed(answer)) == "y";
}

}  // namespace gantry::cli
