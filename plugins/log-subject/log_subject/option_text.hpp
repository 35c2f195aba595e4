#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/driver.hpp"

namespace gantry::log_subject {

/// Errors: invalid, for the first option that is none of `known`: "unknown log opt 'x' for " + `driver`.
void check_names(const Options& options, const std::vector<OptionInfo>& known, const std::string& driver);

/// Of scope `object`, type text.
OptionInfo object_option(const char* name, const char* default_value, const char* help);

/// labels, labels-regex, env, env-regex and tag.
void add_subject_options(std::vector<OptionInfo>& out);

/// The option's text; empty if it is not given.
std::string text_of(const Options& options, const std::string& name);

/// "10m", "1.5 GB": with powers of `base`, 1000 or 1024. Errors: invalid ("invalid size: '1x'").
std::uint64_t parse_size(const std::string& text, std::uint64_t base);

/// Errors: invalid, as Go's strconv.Atoi.
std::int64_t parse_count(const std::string& text);

/// Errors: invalid, as Go's strconv.ParseBool.
bool parse_truth(const std::string& text);

}  // namespace gantry::log_subject
