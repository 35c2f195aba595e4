#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::cli {

std::vector<std::string> split(std::string_view text, char separator);
/// Before and behind the first `separator`; nothing if there is none.
std::optional<std::pair<std::string, std::string>> cut(std::string_view text, char separator);
std::string lower(std::string_view text);
std::string trimmed(std::string_view text);
bool starts_with(std::string_view text, std::string_view prefix);
/// A label as flags take it. Throws InvalidValue if it has no name.
std::string checked_label(const std::string& text);
/// Fields of one CSV record: commas separate, quotes hold together. Throws InvalidValue as Go's reader words it.
std::vector<std::string> csv_fields(std::string_view text);

}  // namespace gantry::cli
