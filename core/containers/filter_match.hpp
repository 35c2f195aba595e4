#pragma once

#include <set>
#include <string>

#include "containers/container.hpp"
#include "containers/filter.hpp"

namespace gantry::containers {

/// Errors: invalid ("invalid filter 'x'").
void check_terms(const Filter& filter, const std::set<std::string>& known);

/// "a=b" or "a". All of `wanted` have to hold.
bool matches_labels(const std::map<std::string, std::string>& labels, const std::vector<std::string>& wanted);

/// A filter's value is a regular expression or a plain part of the text, as in dockerd. Errors: invalid.
bool matches_text(const std::string& pattern, const std::string& text);

/// The terms of ContainerPrune: label, label!, until. Errors: invalid.
bool matches_prune(const Container& container, const Filter& filter);

/// A point in time: RFC 3339, seconds since the epoch with a fraction, or a Go duration before now. Errors: invalid.
Nanoseconds parse_time(const std::string& text);

}  // namespace gantry::containers
