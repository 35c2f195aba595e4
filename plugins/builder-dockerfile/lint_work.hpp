#pragma once

#include <cstddef>

#include "gantry/call.hpp"

namespace gantry::dockerfile {

/// What a check may cost. A stranger's recipe can make a few megabytes mean any amount of work: variables that are made
/// of variables, stages on top of stages, triggers that each of them sets off.
class LintWork {
 public:
  /// Thrown to end a check that has cost enough.
  struct Spent {};

  /// Some seconds, and less memory than that many bytes.
  static constexpr std::size_t kMost = 64'000'000;
  /// A step of looking something up costs about as much as so many bytes.
  static constexpr std::size_t kStep = 8;

  explicit LintWork(const Call& call) : call_(call) {}

  /// Errors: cancelled. Throws `Spent`.
  void spend(std::size_t cost) {
    call_.check();
    if (cost > left_) {
      left_ = 0;
      throw Spent{};
    }
    left_ -= cost;
  }

  /// Each compares a name with up to a thousand others.
  bool may_suggest() noexcept { return suggested_++ < kMostSuggestions; }

 private:
  static constexpr std::size_t kMostSuggestions = 100;

  const Call& call_;
  std::size_t left_{kMost};
  std::size_t suggested_{};
};

}  // namespace gantry::dockerfile
