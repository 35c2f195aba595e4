#include "text.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "node.hpp"

namespace gantry::dockerfile {

std::string_view trim_left(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view trim(std::string_view text) noexcept {
  text = trim_left(text);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string upper(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) out += separator;
    out += part;
  }
  return out;
}

std::uint64_t parse_size(const std::string& text) {
  const std::uint64_t number = std::strtoull(text.c_str(), nullptr, 10);
  const std::size_t unit =
      text.empty() ? std::string::npos : std::string{"kmgt"}.find(lower(text.substr(text.size() - 1)));
  return unit == std::string::npos ? number : number << (10 * (unit + 1));
}

std::vector<std::string> split_blanks(std::string_view text) {
  std::vector<std::string> out;
  for (text = trim(text); !text.empty(); text = trim_left(text)) {
    const auto end = std::find_if(text.begin(), text.end(), is_space);
    const auto size = static_cast<std::size_t>(end - text.begin());
    out.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return out;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

bool parse_json_list(std::string_view text, std::vector<std::string>& out) {
  text = trim_left(text);
  if (!text.starts_with('[')) return false;
  // A list of strings is flat: deeper ones are not parsed, whatever their depth.
  const nlohmann::json::parser_callback_t flat = [](int depth, nlohmann::json::parse_event_t event, nlohmann::json&) {
    using Event = nlohmann::json::parse_event_t;
    return depth <= 1 || (event != Event::object_start && event != Event::array_start);
  };
  const auto list = nlohmann::json::parse(text, flat, false);
  if (!list.is_array()) return false;
  out.clear();
  for (const auto& item : list) {
    if (!item.is_string()) {
      throw SyntaxError{"when using JSON array syntax, arrays must be comprised of strings only"};
    }
    out.push_back(item.get<std::string>());
  }
  return true;
}

namespace {

std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t at = 0; at <= right.size(); ++at) row[at] = at;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (left[i - 1] == right[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[right.size()];
}

}  // namespace

std::string closest(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongest = 64;
  if (word.size() > kLongest || known.size() > kMostCandidates) return {};
  std::size_t least = 3;
  std::string best;
  for (const std::string& candidate : known) {
    if (candidate.size() > kLongest + least) continue;
    const std::size_t apart = distance(word, candidate);
    if (apart == 0) return {};
    if (apart < least) {
      least = apart;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  std::vector<std::string> lowered;
  for (const std::string& candidate : known) lowered.push_back(lower(candidate));
  const std::string best = closest(lower(word), lowered);
  const auto at = std::find(lowered.begin(), lowered.end(), best);
  if (best.empty() || at == lowered.end()) return {};
  return " (did you mean " + known[static_cast<std::size_t>(at - lowered.begin())] + "?)";
}

}  // namespace gantry::dockerfile
