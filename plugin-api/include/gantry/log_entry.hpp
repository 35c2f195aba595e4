#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Apart from gantry/log.hpp, so that a program without exceptions may have it.
namespace gantry::log::v1 {

/// One line of output, or a part of a line of more than 16 KB. Frozen: others hold it by value.
struct Entry {
  std::string text;  ///< Without its line feed.
  bool from_stderr{};
  std::int64_t time{};  ///< Nanoseconds since the epoch; of a part that of the first part.
  bool partial{};       ///< A part: the next ones of the same stream belong to the same line,
  bool last{};          ///< but not after this one.
  std::string partial_id;
  std::uint32_t ordinal{};  ///< Of the part, from 1.
  /// What the options labels, env and tag add to each line (API: `details`).
  std::vector<std::pair<std::string, std::string>> attributes;
};

}  // namespace gantry::log::v1
