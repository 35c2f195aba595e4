#pragma once

#include <string>
#include <vector>

#include "gantry/storage.hpp"
#include "lower_view.hpp"

namespace gantry::overlay {

/// What an upper directory changes in the layers below, as `docker diff` tells it, sorted by path.
std::vector<storage::v1::Change> upper_changes(const std::string& upper, const LowerView& lower, const Call& call);

/// Writes an upper directory as a layer's tar stream.
void write_upper(const std::string& upper, const LowerView& lower, ByteSink& tar, const Call& call);

}  // namespace gantry::overlay
