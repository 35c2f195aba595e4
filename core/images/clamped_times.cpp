#include "images/clamped_times.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

// pax(1), "ustar Interchange Format".
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kTimeAt = 136;
constexpr std::size_t kChecksumAt = 148;
constexpr std::size_t kTypeAt = 156;
constexpr std::size_t kNumber = 12;

/// More than a layer's attributes take.
constexpr std::uint64_t kMostRecords = std::uint64_t{4} << 20;

char* text_of(std::vector<std::byte>& bytes) { return reinterpret_cast<char*>(bytes.data()); }

/// Octal, or, from GNU, the number itself. Too large: the largest.
std::int64_t number_at(const std::vector<std::byte>& block, std::size_t at) {
  const auto first = std::to_integer<unsigned>(block[at]);
  if (first == 0xff) return -1;
  std::uint64_t value = 0;
  if (first == 0x80) {
    for (std::size_t byte = 1; byte < kNumber; ++byte) {
      if (value >> 55 != 0) return INT64_MAX;
      value = value << 8 | std::to_integer<std::uint64_t>(block[at + byte]);
    }
    return static_cast<std::int64_t>(value);
  }
  for (std::size_t byte = 0; byte < kNumber; ++byte) {
    const char digit = std::to_integer<char>(block[at + byte]);
    if (digit >= '0' && digit <= '7') value = value << 3 | static_cast<std::uint64_t>(digit - '0');
  }
  return static_cast<std::int64_t>(value);
}

void set_checksum(std::vector<std::byte>& block) {
  std::memset(block.data() + kChecksumAt, ' ', 8);
  unsigned sum = 0;
  for (const std::byte byte : block) sum += std::to_integer<unsigned>(byte);
  std::snprintf(text_of(block) + kChecksumAt, 8, "%06o", sum);
  block[kChecksumAt + 7] = std::byte{' '};
}

/// Whether a time of a pax record, "1700000000.5", is later.
bool is_later(std::string_view text, std::int64_t latest) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return !text.starts_with('-');
  if (error != std::errc{} || seconds < latest) return false;
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return seconds > latest || rest.find_first_of("123456789") != std::string_view::npos;
}

/// As libarchive does: with a blank behind it. So one that was changed is the same as one that was so from the start.
void set_number(std::vector<std::byte>& block, std::size_t at, std::int64_t value) {
  std::array<char, kNumber + 1> text{};
  std::snprintf(text.data(), text.size(), "%011llo ", static_cast<unsigned long long>(value));
  std::memcpy(block.data() + at, text.data(), kNumber);
}

}  // namespace

void ClampedTimes::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // Whole blocks of data go on as they are.
    if (block_.empty() && data_ > 0 && pax_.empty()) {
      const std::uint64_t whole = std::min<std::uint64_t>(data_, bytes.size() / kBlock);
      if (whole > 0) {
        out_.write(bytes.first(whole * kBlock));
        bytes = bytes.subspan(whole * kBlock);
        data_ -= whole;
        continue;
      }
    }
    const auto part = bytes.first(std::min(kBlock - block_.size(), bytes.size()));
    block_.insert(block_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (block_.size() < kBlock) return;
    take_block();
    block_.clear();
  }
}

void ClampedTimes::finish() {
  if (!pax_.empty()) out_.write(pax_);
  if (!records_.empty()) out_.write(records_);
  if (!block_.empty()) out_.write(block_);
}

void ClampedTimes::take_block() {
  if (data_ == 0) return take_header();
  --data_;
  if (pax_.empty()) return out_.write(block_);
  records_.insert(records_.end(), block_.begin(), block_.end());
  if (data_ == 0) write_records();
}

void ClampedTimes::take_header() {
  // Two empty blocks end an archive.
  if (std::all_of(block_.begin(), block_.end(), [](std::byte byte) { return byte == std::byte{}; })) {
    return out_.write(block_);
  }
  const std::int64_t size = std::max<std::int64_t>(number_at(block_, kSizeAt), 0);
  data_ = static_cast<std::uint64_t>(size) / kBlock + (size % static_cast<std::int64_t>(kBlock) == 0 ? 0 : 1);
  if (number_at(block_, kTimeAt) > latest_) {
    set_number(block_, kTimeAt, latest_);
    set_checksum(block_);
  }
  const char type = std::to_integer<char>(block_[kTypeAt]);
  if ((type != 'x' && type != 'g') || data_ == 0) return out_.write(block_);
  if (data_ * kBlock > kMostRecords) throw Error{Errc::invalid, "a layer's extended header is too large"};
  // Waits for what it says.
  pax_ = block_;
}

/// "<length> <key>=<value>\n", one behind the other. How long a time's fraction is depends on the time, so one that is
/// too late goes as a whole: the entry's own header has the seconds.
void ClampedTimes::write_records() {
  const std::string_view all{text_of(records_), static_cast<std::size_t>(number_at(pax_, kSizeAt))};
  std::string kept;
  for (std::size_t at = 0; at < all.size();) {
    std::size_t length = 0;
    const auto [space, error] = std::from_chars(all.data() + at, all.data() + all.size(), length);
    const std::string_view record = all.substr(at, length);
    const std::size_t key = static_cast<std::size_t>(space - (all.data() + at)) + 1;
    const std::size_t equals = record.find('=');
    if (error != std::errc{} || length < 5 || record.size() < length || equals == std::string_view::npos ||
        equals < key) {
      kept.append(all.substr(at));
      break;
    }
    const std::string_view name = record.substr(key, equals - key);
    const bool is_time = name == "mtime" || name == "atime" || name == "ctime" || name == "LIBARCHIVE.creationtime";
    if (!is_time || !is_later(record.substr(equals + 1, length - equals - 2), latest_)) kept.append(record);
    at += length;
  }
  if (kept.size() == all.size()) {
    out_.write(pax_);
    out_.write(records_);
  } else if (!kept.empty()) {
    set_number(pax_, kSizeAt, static_cast<std::int64_t>(kept.size()));
    set_checksum(pax_);
    kept.resize((kept.size() + kBlock - 1) / kBlock * kBlock);
    out_.write(pax_);
    out_.write(std::as_bytes(std::span{kept}));
  }
  pax_.clear();
  records_.clear();
}

}  // namespace gantry::images
