#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// The fields of a list's rows and what heads their columns.
using ColumnHeads = std::vector<std::pair<std::string_view, std::string_view>>;

/// How a list is printed: `format` is what `--format` says ("", "table", "table TEMPLATE", "json" or a template) and
/// `table` the template of the default table.
struct ListStyle {
  std::string format;
  std::string table;
  ColumnHeads heads;
  std::string row_type = "*formatter.context";  ///< What messages call a row.
  std::string raw = {};                         ///< The template for "raw", if that is a format of the list's,
  std::string raw_quiet = {};                   ///< and what is left of it of a list of names.
};

/// Whether a template, if it is one, mentions the field.
bool mentions(const std::string& format, std::string_view field);

/// As docker looks at the format of a list of containers before it asks for them: as it stands, over a row with nothing
/// in it. Throws Failure.
void check_format(const std::string& format, const std::string& row_type, const Json& row);

/// The rows, each a JSON object with the fields, as text. Throws Failure if the template is wrong.
std::string render(const ListStyle& style, const std::vector<Json>& rows);

}  // namespace gantry::cli
