#include "images/byte_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gantry::images {

void ByteQueue::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (filling_.bytes.capacity() == 0) filling_.bytes.reserve(chunk_size_);
    const std::size_t room = chunk_size_ - filling_.bytes.size();
    const std::size_t part = std::min(room, bytes.size());
    filling_.bytes.insert(filling_.bytes.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
    bytes = bytes.subspan(part);
    if (filling_.bytes.size() == chunk_size_) {
      std::unique_lock lock{mutex_};
      push_filling(lock);
    }
  }
}

void ByteQueue::push_filling(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return full_.size() < limit_ || error_ || discarded_; });
  if (error_) std::rethrow_exception(error_);
  if (discarded_) {
    filling_.bytes.clear();
    return;
  }
  full_.push_back(std::exchange(filling_, {}));
  if (!spare_.empty()) {
    filling_.bytes = std::move(spare_.back());
    spare_.pop_back();
  }
  changed_.notify_all();
}

std::size_t ByteQueue::read(std::span<std::byte> buffer) {
  if (reading_.begin == reading_.bytes.size()) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !full_.empty() || finished_ || error_; });
    if (error_) std::rethrow_exception(error_);
    if (full_.empty()) return 0;
    reading_.bytes.clear();
    if (reading_.bytes.capacity() != 0) spare_.push_back(std::move(reading_.bytes));
    reading_ = std::move(full_.front());
    full_.pop_front();
    changed_.notify_all();
  }
  const std::size_t part = std::min(buffer.size(), reading_.bytes.size() - reading_.begin);
  std::memcpy(buffer.data(), reading_.bytes.data() + reading_.begin, part);
  reading_.begin += part;
  return part;
}

void ByteQueue::finish() {
  std::unique_lock lock{mutex_};
  if (!filling_.bytes.empty()) push_filling(lock);
  if (error_) std::rethrow_exception(error_);
  finished_ = true;
  changed_.notify_all();
}

void ByteQueue::fail(std::exception_ptr error) noexcept {
  const std::lock_guard lock{mutex_};
  if (!error_) error_ = std::move(error);
  changed_.notify_all();
}

void ByteQueue::discard() noexcept {
  const std::lock_guard lock{mutex_};
  discarded_ = true;
  changed_.notify_all();
}

}  // namespace gantry::images
