#include "images/mount_stubs.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gantry::images {

namespace {

// The fields of POSIX 1003.1-1988's "ustar" header that matter here.
constexpr std::size_t kNameSize = 100;
constexpr std::size_t kHeaderSizeAt = 124;
constexpr std::size_t kSizeSize = 12;
constexpr std::size_t kHeaderTypeAt = 156;
constexpr std::size_t kPrefixAt = 345;

std::string_view text_at(std::span<const std::byte> block, std::size_t at, std::size_t size) {
  const char* const begin = reinterpret_cast<const char*>(block.data()) + at;
  return {begin, ::strnlen(begin, size)};
}

std::uint64_t size_of(std::span<const std::byte> block) {
  std::string_view digits = text_at(block, kHeaderSizeAt, kSizeSize);
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  std::uint64_t size = 0;
  if ((block[kHeaderSizeAt] & std::byte{0x80}) == std::byte{}) {
    std::from_chars(digits.data(), digits.data() + digits.size(), size, 8);
    return size;
  }
  // GNU's way to write what has more than eleven digits: binary, the first bit set.
  for (std::size_t i = kHeaderSizeAt + kSizeSize - 8; i < kHeaderSizeAt + kSizeSize; ++i) {
    size = size << 8U | std::to_integer<std::uint64_t>(block[i]);
  }
  return size;
}

// Whether the name is all in its field: not begun in the prefix, nor told by a header before this one.
bool has_short_name(std::span<const std::byte> block, std::span<const std::byte> preface) {
  const std::string_view before{reinterpret_cast<const char*>(preface.data()), preface.size()};
  const bool is_gnu_name = !preface.empty() && std::to_integer<char>(preface[kHeaderTypeAt]) == 'L';
  return block[kPrefixAt] == std::byte{} && !is_gnu_name && before.find(" path=") == std::string_view::npos;
}

// "./etc/hosts", "dev/" to "/etc/hosts", "/dev".
std::string path_of(std::span<const std::byte> block) {
  std::string_view name = text_at(block, 0, kNameSize);
  if (name.starts_with("./")) name.remove_prefix(2);
  while (name.ends_with('/')) name.remove_suffix(1);
  return "/" + std::string(name);
}

}  // namespace

std::set<std::string> forget_mount_stubs(std::vector<storage::v1::Change>& changes) {
  static const std::set<std::string> stubs{"/.dockerenv",     "/dev", "/dev/console", "/dev/pts",  "/dev/shm",
                                           "/proc",           "/sys", "/etc/hosts",   "/etc/mtab", "/etc/hostname",
                                           "/etc/resolv.conf"};
  std::set<std::string> forgotten;
  for (const storage::v1::Change& change : changes) {
    if (change.kind == storage::v1::ChangeKind::added && stubs.contains(change.path)) forgotten.insert(change.path);
  }
  std::erase_if(changes, [&](const auto& change) { return forgotten.contains(change.path); });
  const auto in_etc = [](const std::string& path) { return path.starts_with("/etc/"); };
  if (std::none_of(forgotten.begin(), forgotten.end(), in_etc) ||
      std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return in_etc(change.path); })) {
    return forgotten;
  }
  // The directory has changed only in what it holds.
  if (std::erase_if(changes, [](const auto& change) { return change.path == "/etc"; }) > 0) forgotten.insert("/etc");
  return forgotten;
}

void EntryFilter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // Whole blocks of data go on as they are.
    if (block_.empty() && data_ > 0 && !to_preface_) {
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
    take_block(block_);
    block_.clear();
  }
}

void EntryFilter::finish() {
  if (!preface_.empty()) out_.write(preface_);
  if (!block_.empty()) out_.write(block_);
}

void EntryFilter::take_block(std::span<const std::byte> block) {
  if (data_ == 0) return take_header(block);
  --data_;
  if (to_preface_) {
    preface_.insert(preface_.end(), block.begin(), block.end());
  } else {
    out_.write(block);
  }
}

void EntryFilter::take_header(std::span<const std::byte> block) {
  const char type = std::to_integer<char>(block[kHeaderTypeAt]);
  data_ = (size_of(block) + kBlock - 1) / kBlock;
  // Headers that say more of the next entry: pax's, GNU's long names.
  to_preface_ = type == 'x' || type == 'L' || type == 'K';
  if (to_preface_) {
    preface_.insert(preface_.end(), block.begin(), block.end());
    return;
  }
  const bool left_out = data_ == 0 && has_short_name(block, preface_) && left_out_.contains(path_of(block));
  if (!left_out && !preface_.empty()) out_.write(preface_);
  preface_.clear();
  if (!left_out) out_.write(block);
}

}  // namespace gantry::images
