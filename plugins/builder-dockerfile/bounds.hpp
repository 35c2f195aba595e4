#pragma once

#include <atomic>
#include <cstddef>

namespace gantry::dockerfile {

/// What a build may come to beside its commands. A stranger's recipe can make a few kilobytes mean any amount of it:
/// variables that are made of variables, stages on top of stages, triggers that each of them sets off. Any thread.
/// Errors: invalid, with the line.
class Bounds {
 public:
  /// Bytes that words are made of, patterns compared, ports counted one by one: some seconds.
  static constexpr std::size_t kMostWork = std::size_t{256} << 20;
  /// Bytes of the arguments before the first stage, and of what the stages have come to.
  static constexpr std::size_t kMostKept = std::size_t{64} << 20;
  /// Bytes of the words of one instruction: no image's config has room for more.
  static constexpr std::size_t kMostWords = std::size_t{8} << 20;

  /// `line`: of the recipe; 0: none.
  void work(std::size_t cost, std::size_t line);
  void keep(std::size_t weight, std::size_t line);
  /// `size`: of all words of the instruction up to now.
  static void check_words(std::size_t size, std::size_t line);

 private:
  std::atomic<std::size_t> work_{0};
  std::atomic<std::size_t> kept_{0};
};

}  // namespace gantry::dockerfile
