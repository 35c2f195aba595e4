#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::dockerfile {

/// As Go's unicode.IsSpace has it, for ASCII.
constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
}

std::string_view trim(std::string_view text) noexcept;
std::string_view trim_left(std::string_view text) noexcept;
std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Bytes of "8g": digits, perhaps with k, m, g or t behind them (checked by the daemon).
std::uint64_t parse_size(const std::string& text);

/// At runs of blanks; without empty parts.
std::vector<std::string> split_blanks(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);

/// What is before the last '/'; empty without one.
std::string parent_of(const std::string& path);

/// As Go's %q: in double quotes, with escapes.
std::string quote(std::string_view text);

/// "a list of strings" in JSON. False if `text` is no JSON array.
/// Errors: invalid, in dockerd's words, if it is one of other things than strings.
bool parse_json_list(std::string_view text, std::vector<std::string>& out);

/// More than so many are not looked at.
inline constexpr std::size_t kMostCandidates = 1000;
/// What of `known` is one or two letters from `word`; empty if nothing is, or if `word` is among them.
std::string closest(std::string_view word, const std::vector<std::string>& known);

/// " (did you mean from?)" for what is close to `word`; empty if nothing is.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace gantry::dockerfile
