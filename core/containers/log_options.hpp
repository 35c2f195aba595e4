#pragma once

#include <map>
#include <string>

#include "containers/container.hpp"
#include "gantry/runtime.hpp"
#include "wire/host_config.hpp"

/// --log-driver and --log-opt, as dockerd's drivers json-file, local and none take them. (What is refused when a
/// container is made is in validate.hpp.)
namespace gantry::containers {

/// Fills in where and how the log is written, and what each line carries. What dockerd refuses when a container is
/// started: values that are wrong. Errors: invalid, in dockerd's words.
void build_log(const Container& container, runtime::v1::Spec& spec);

/// What each line of the log carries: chosen labels, variables and the tag.
std::map<std::string, std::string> log_attributes(const Container& container);

/// "1.5m" in bytes, by thousands. Errors: invalid ("invalid size: 'x'").
std::uint64_t parse_human_size(const std::string& text);

}  // namespace gantry::containers
