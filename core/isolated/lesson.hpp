#pragma once

#include <cstdint>
#include <limits>

namespace gantry::isolated {

/// What a driver that has crashed and runs again is told before others may call it: the number of its start. A later
/// start makes a lesson worth nothing.
using Lesson = std::uint64_t;

constexpr Lesson kNoLesson = 0;                                 ///< A call that waits until the driver knows all.
constexpr Lesson kAtOnce = std::numeric_limits<Lesson>::max();  ///< A call that does not.

}  // namespace gantry::isolated
