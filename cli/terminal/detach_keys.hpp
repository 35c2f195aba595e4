#pragma once

#include <string>
#include <string_view>

namespace gantry::cli {

/// "ctrl-p,ctrl-q" as the bytes that a terminal sends. Throws Failure for what is no key.
std::string parse_detach_keys(const std::string& text);

/// Finds the detach sequence in what is typed.
class DetachFilter {
 public:
  explicit DetachFilter(std::string sequence) : sequence_(std::move(sequence)) {}

  /// Gives what is to be sent on: a begun sequence is held back until it is sure to be none.
  std::string feed(std::string_view typed);
  [[nodiscard]] bool detached() const noexcept { return detached_; }

 private:
  std::string sequence_;
  std::size_t matched_ = 0;
  bool detached_ = false;
};

}  // namespace gantry::cli
