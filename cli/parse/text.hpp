#pragma once

#include <map>
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
/// Those of them that are "name=value", with their names in lower case. Throws Failure if one is not.
std::map<std::string, std::string> csv_pairs(std::string_view text);
/// The truth value of a field `name` of `flag`. Throws Failure if it is none.
bool parse_truth(const std::string& flag, const std::string& name, const std::string& value);
/// "a, b, c".
std::string listed(const std::vector<std::string>& words);

}  // namespace gantry::cli
