#include "record_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "gantry/log_record.hpp"

namespace gantry::log_local {

namespace {

using log::v1::Entry;

constexpr std::size_t kLength = 4;
constexpr std::uint32_t kLongest = 1U << 20U;  // lines are cut into parts of 16 KiB

// What a crash left of a record: the next one begins where a length, a record of that length and the same length are.
std::size_t skip_damage(std::string_view bytes) {
  for (std::size_t at = 1; at + 2 * kLength <= bytes.size(); ++at) {
    const std::uint32_t length = log::v1::record::get_length(bytes.substr(at));
    const std::size_t end = at + kLength + length;
    if (length == 0 || length > kLongest || end + kLength > bytes.size()) continue;
    Entry entry;
    if (log::v1::record::get_length(bytes.substr(end)) == length &&
        log::v1::parse_record(bytes.substr(at + kLength, length), entry)) {
      return at;
    }
  }
  return bytes.size() > kLongest ? bytes.size() - kLongest : 0;
}

}  // namespace

// From one length to the one before it.
std::int64_t Records::seek_last(int fd, std::uint64_t& count) const {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return 0;
  std::int64_t at = facts.st_size;
  while (at > 0 && count > 0) {
    std::array<char, kLength> length{};
    if (at < 2 * std::int64_t{kLength} || ::pread(fd, length.data(), kLength, at - std::int64_t{kLength}) != kLength) {
      return at;
    }
    const std::int64_t size =
        std::int64_t{log::v1::record::get_length({length.data(), kLength})} + 2 * std::int64_t{kLength};
    if (size > at) return at;  // torn: nothing before it can be found from here
    at -= size;
    --count;
  }
  return at;
}

std::size_t Records::parse(std::string_view bytes, std::vector<Entry>& out) const {
  std::size_t at = 0;
  while (at + kLength <= bytes.size()) {
    const std::string_view rest = bytes.substr(at);
    const std::uint32_t length = log::v1::record::get_length(rest);
    if (length <= kLongest && rest.size() < length + 2 * kLength) break;
    Entry entry;
    const bool whole = length <= kLongest && log::v1::record::get_length(rest.substr(kLength + length)) == length &&
                       log::v1::parse_record(rest.substr(kLength, length), entry);
    if (whole) {
      out.push_back(std::move(entry));
      at += length + 2 * kLength;
      continue;
    }
    const std::size_t skipped = skip_damage(rest);
    if (skipped == 0) break;
    at += skipped;
  }
  return at;
}

}  // namespace gantry::log_local
