#include "volumes/filter.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "base/go_bool.hpp"
#include "gantry/error.hpp"

namespace gantry::volumes {
namespace {

using Values = std::vector<std::string>;

void check_names(const Filters& filters, std::initializer_list<std::string_view> known) {
  for (const auto& [name, values] : filters) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error{Errc::invalid, "invalid filter" + (name.empty() ? "" : " '" + name + "'")};
    }
  }
}

const Values& values_of(const Filters& filters, const std::string& name) {
  static const Values none;
  const auto found = filters.find(name);
  return found == filters.end() ? none : found->second;
}

/// As Go shows a list.
std::string shown_values(const Values& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : " ") + value;
  return out;
}

bool has_label(const Volume& volume, const std::string& wanted) {
  const std::size_t equals = wanted.find('=');
  const auto label = volume.labels.find(wanted.substr(0, equals));
  if (label == volume.labels.end()) return false;
  return equals == std::string::npos || label->second == wanted.substr(equals + 1);
}

bool has_all_labels(const Volume& volume, const Values& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& label) { return has_label(volume, label); });
}

// A part of the name; "^" and "$" tie it to the start and the end.
bool matches_name(const std::string& name, std::string_view wanted) {
  const bool at_start = wanted.starts_with('^');
  const bool at_end = wanted.size() > 1 && wanted.ends_with('$');
  if (at_start) wanted.remove_prefix(1);
  if (at_end) wanted.remove_suffix(1);
  if (at_start && at_end) return name == wanted;
  if (at_start) return name.starts_with(wanted);
  if (at_end) return name.ends_with(wanted);
  return name.find(wanted) != std::string::npos;
}

std::optional<bool> dangling(const Filters& filters) {
  const Values& values = values_of(filters, "dangling");
  if (values.empty()) return std::nullopt;
  const bool yes = values.front() == "true" || values.front() == "1";
  const bool no = values.front() == "false" || values.front() == "0";
  if (values.size() != 1 || yes == no) {
    throw Error{Errc::invalid, "invalid filter 'dangling=[" + shown_values(values) + "]'"};
  }
  return yes;
}

bool prunes_all(const Values& values) {
  if (values.size() > 1) {
    throw Error{Errc::invalid, "invalid filter 'all=[" + shown_values(values) + "]': only one value is expected"};
  }
  for (const std::string& value : values) {
    const auto known = parse_go_bool(value);
    if (known && *known) return true;
    if (known) continue;
    throw Error{Errc::invalid, "invalid filter 'all': strconv.ParseBool: parsing \"" + value + "\": invalid syntax"};
  }
  return false;
}

}  // namespace

std::function<bool(const Volume&)> list_filter(const Filters& filters, std::function<bool(const Volume&)> is_used) {
  check_names(filters, {"dangling", "driver", "label", "name"});
  return [wants_unused = dangling(filters), drivers = values_of(filters, "driver"),
          labels = values_of(filters, "label"), names = values_of(filters, "name"),
          is_used = std::move(is_used)](const Volume& volume) {
    if (wants_unused && is_used(volume) == *wants_unused) return false;
    if (!drivers.empty() && std::find(drivers.begin(), drivers.end(), volume.driver) == drivers.end()) return false;
    if (!has_all_labels(volume, labels)) return false;
    return names.empty() || std::any_of(names.begin(), names.end(),
                                        [&](const std::string& wanted) { return matches_name(volume.name, wanted); });
  };
}

std::function<bool(const Volume&)> prune_filter(const Filters& filters, bool anonymous_only) {
  check_names(filters, {"all", "label", "label!"});
  const bool all = prunes_all(values_of(filters, "all")) || !anonymous_only;
  return [all, labels = values_of(filters, "label"), unwanted = values_of(filters, "label!")](const Volume& volume) {
    if (!all && !volume.labels.contains(kAnonymousLabel)) return false;
    if (!has_all_labels(volume, labels)) return false;
    return std::none_of(unwanted.begin(), unwanted.end(),
                        [&](const std::string& label) { return has_label(volume, label); });
  };
}

}  // namespace gantry::volumes
