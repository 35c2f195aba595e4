#pragma once

#include <cstddef>

namespace gantry::api {

/// One of the few requests whose header may be as large, from when that shows until the header is forgotten.
class LargeHeader {
 public:
  explicit LargeHeader(std::size_t& count) : count_(count) {}
  ~LargeHeader() { release(); }
  LargeHeader(const LargeHeader&) = delete;
  LargeHeader& operator=(const LargeHeader&) = delete;

  /// False if there are too many already.
  bool take(std::size_t most) {
    if (counted_) return true;
    if (count_ >= most) return false;
    ++count_;
    return counted_ = true;
  }

  void release() {
    if (counted_) --count_;
    counted_ = false;
  }

 private:
  std::size_t& count_;
  bool counted_{};
};

}  // namespace gantry::api
