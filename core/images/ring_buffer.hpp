#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace gantry::images {

/// Bytes that wait in the order in which they came, in memory that is used again and again. It locks nothing: what
/// `room` and `waiting` answer may be filled or read by one thread while another one takes or adds.
class RingBuffer {
 public:
  explicit RingBuffer(std::size_t size) : bytes_(size) {}

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::size_t held() const { return held_; }
  [[nodiscard]] bool is_full() const { return held_ == bytes_.size(); }

  /// Where the next bytes go, as far as they lie in a row; empty if it is full.
  [[nodiscard]] std::span<std::byte> room() {
    const std::size_t end = (begin_ + held_) % bytes_.size();
    return std::span{bytes_}.subspan(end, std::min(bytes_.size() - held_, bytes_.size() - end));
  }
  void add(std::size_t count) { held_ += count; }

  /// The oldest bytes, as far as they lie in a row; empty if there are none.
  [[nodiscard]] std::span<const std::byte> waiting() const {
    return std::span{bytes_}.subspan(begin_, std::min(held_, bytes_.size() - begin_));
  }
  void take(std::size_t count) {
    begin_ = (begin_ + count) % bytes_.size();
    held_ -= count;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t begin_{};
  std::size_t held_{};
};

}  // namespace gantry::images
