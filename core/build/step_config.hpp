#pragma once

#include "gantry/builder.hpp"
#include "images/service.hpp"

/// Between the builder's structs and the images' own.
namespace gantry::build {

builder::v1::Image to_builder(const images::Image& image);
images::BuildStep to_build_step(const builder::v1::Step& step);

}  // namespace gantry::build
