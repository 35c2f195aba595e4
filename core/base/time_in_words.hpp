#pragma once

#include <chrono>
#include <string>

namespace gantry {

/// "3 s", "1500 ms": for messages.
inline std::string in_words(std::chrono::milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

}  // namespace gantry
