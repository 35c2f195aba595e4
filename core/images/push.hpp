#pragma once

#include "images/context.hpp"

namespace gantry::images {

awaitable<void> push(Context& context, PushRequest request, Report report, Cancel cancel);

}  // namespace gantry::images
