#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gantry {

/// The end of a tar stream, for whoever feeds libarchive. Some clients end theirs right behind the last file's content,
/// within its padding and without end blocks (so does what docker's CLI makes of a context when the Dockerfile comes
/// from its input); Go's reader takes that, libarchive does not. So the last block is filled up, and what is really
/// there is compared with what the entries need: a file that was cut is not made whole by zeros.
class TarEnd {
 public:
  /// To be called with what each read of the source gave, at the end of the source with `got` 0. Returns how much there
  /// is for libarchive: once at the end that is what lacks to a whole block, in `buffer` (of a block at least).
  std::size_t fill(std::span<std::byte> buffer, std::size_t got) {
    if (got > 0) {
      if (size_ < kBlock) {
        const auto room = static_cast<std::size_t>(kBlock - size_);
        std::copy_n(buffer.begin(), std::min(got, room), first_.begin() + static_cast<std::ptrdiff_t>(size_));
      }
      size_ += got;
      return got;
    }
    if (filled_ > 0 || size_ % kBlock == 0 || !is_plain()) return 0;
    filled_ = kBlock - static_cast<std::size_t>(size_ % kBlock);
    std::fill_n(buffer.begin(), filled_, std::byte{});
    return filled_;
  }

  /// After each header. `position`: of the uncompressed stream behind the header (archive_filter_bytes(reader, 0)).
  void saw_entry(std::int64_t position, std::int64_t size, bool is_sparse) {
    needed_ = static_cast<std::uint64_t>(std::max<std::int64_t>(position, 0)) +
              static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0));
    is_sparse_ = is_sparse;
  }

  /// After the last entry: whether all of it was there. A sparse file's content is shorter than its size says, so such
  /// a one must have its padding.
  [[nodiscard]] bool is_whole() const noexcept { return filled_ == 0 || (!is_sparse_ && needed_ <= size_); }

  /// How much the source has given.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t kBlock = 512;

  /// Whether the stream begins with a tar header: what is compressed must not be added to.
  [[nodiscard]] bool is_plain() const noexcept {
    constexpr std::size_t kSumAt = 148;
    constexpr std::size_t kSumEnd = 156;
    if (size_ < kBlock) return false;
    std::uint32_t sum = 0;
    std::uint32_t said = 0;
    for (std::size_t at = 0; at < kBlock; ++at) {
      const auto byte = std::to_integer<std::uint32_t>(first_[at]);
      const bool in_field = at >= kSumAt && at < kSumEnd;
      sum += in_field ? ' ' : byte;
      if (in_field && byte >= '0' && byte <= '7') said = said * 8 + (byte - '0');
    }
    return sum == said;
  }

  std::array<std::byte, kBlock> first_{};
  std::uint64_t size_ = 0;
  std::size_t filled_ = 0;
  std::uint64_t needed_ = 0;
  bool is_sparse_ = false;
};

}  // namespace gantry
