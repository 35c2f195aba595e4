#include "terminal/stdcopy.hpp"

#include <algorithm>

#include "command/failure.hpp"

namespace gantry::cli {

void Demultiplexer::feed(std::string_view bytes) {
  constexpr std::size_t kHead = 8;
  while (!bytes.empty()) {
    if (left_ > 0) {
      const auto payload = bytes.substr(0, left_);
      sink_(head_[0], payload);
      left_ -= static_cast<std::uint32_t>(payload.size());
      bytes.remove_prefix(payload.size());
      if (left_ == 0) head_.clear();
      continue;
    }
    const std::size_t wanted = std::min(kHead - head_.size(), bytes.size());
    head_.append(bytes.substr(0, wanted));
    bytes.remove_prefix(wanted);
    if (head_.size() < kHead) return;
    if (head_[0] < 0 || head_[0] > 3) {
      throw Failure("Unrecognized input header: " + std::to_string(static_cast<unsigned char>(head_[0])));
    }
    for (std::size_t i = 4; i < kHead; ++i) left_ = left_ << 8U | static_cast<unsigned char>(head_[i]);
    if (left_ == 0) head_.clear();
  }
}

}  // namespace gantry::cli
