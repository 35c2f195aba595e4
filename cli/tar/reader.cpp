#include "tar/reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "command/failure.hpp"

namespace gantry::cli {

namespace {

constexpr std::size_t kTarBlock = 512;
constexpr std::uint64_t kLongestText = 1U << 20U;

[[noreturn]] void throw_bad_archive() { throw Failure("archive/tar: invalid tar header"); }

std::string field_text(std::span<const char> field) { return {field.data(), ::strnlen(field.data(), field.size())}; }

// Octal, or GNU's binary form where the first bit is set.
std::uint64_t field_number(std::span<const char> field) {
  if ((static_cast<unsigned char>(field[0]) & 0x80U) != 0) {
    std::uint64_t value = static_cast<unsigned char>(field[0]) & 0x3fU;
    for (const char byte : field.subspan(1)) value = value << 8U | static_cast<unsigned char>(byte);
    return value;
  }
  std::uint64_t value = 0;
  for (const char digit : field) {
    if (digit == ' ' && value == 0) continue;
    if (digit < '0' || digit > '7') break;
    value = value << 3U | static_cast<unsigned>(digit - '0');
  }
  return value;
}

bool has_right_sum(std::span<const char> header) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < header.size(); ++at) {
    sum += at >= 148 && at < 156 ? ' ' : static_cast<unsigned char>(header[at]);
  }
  return sum == field_number(header.subspan(148, 8));
}

template <class Number>
void read_number(std::string_view text, Number& value) {
  std::from_chars(text.data(), text.data() + text.size(), value);
}

}  // namespace

bool TarReader::read_block(std::span<char> block) {
  std::size_t filled = 0;
  while (filled < block.size()) {
    const std::size_t size = source_(block.subspan(filled));
    if (size == 0) break;
    filled += size;
  }
  if (filled != 0 && filled < block.size()) throw Failure("unexpected EOF");
  return filled != 0;
}

void TarReader::skip() {
  std::array<char, 16384> buffer;
  for (std::uint64_t rest = left_ + padding_; rest > 0;) {
    const std::size_t size = source_(std::span(buffer).first(std::min<std::uint64_t>(rest, buffer.size())));
    if (size == 0) throw Failure("unexpected EOF");
    rest -= size;
  }
  left_ = padding_ = 0;
}

std::size_t TarReader::read(std::span<char> buffer) {
  const std::size_t size = read_content(buffer);
  if (see_ && size > 0) see_(buffer.first(size));
  return size;
}

std::size_t TarReader::read_content(std::span<char> buffer) {
  if (left_ == 0) return 0;
  const std::size_t size = source_(buffer.first(std::min<std::uint64_t>(left_, buffer.size())));
  if (size == 0) throw Failure("unexpected EOF");
  left_ -= size;
  return size;
}

std::string TarReader::read_text(std::uint64_t size) {
  if (size > kLongestText) throw_bad_archive();
  std::string text(size, '\0');
  for (std::size_t filled = 0; filled < size;) filled += read_content(std::span(text).subspan(filled));
  return text;
}

// "<length> <key>=<value>\n", repeated.
void TarReader::read_pax(const std::string& records, TarMember& member) {
  std::string_view rest = records;
  while (!rest.empty() && rest.front() != '\0') {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto head = static_cast<std::size_t>(end - rest.data()) + 1;
    if (error != std::errc{} || length <= head || length > rest.size()) throw_bad_archive();
    const std::string_view record = rest.substr(head, length - head - 1);
    rest.remove_prefix(length);
    const auto equals = record.find('=');
    if (equals == std::string_view::npos) throw_bad_archive();
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key == "path") member.name = value;
    if (key == "linkpath") member.link = value;
    if (key == "size") read_number(value, member.size);
    if (key == "mtime") read_number(value, member.modified);
    if (key == "SCHILY.xattr.security.capability") member.capability = value;
  }
}

bool TarReader::next(TarMember& member) {
  TarMember extended;
  extended.size = static_cast<std::uint64_t>(-1);
  extended.modified = -1;
  for (;;) {
    skip();
    std::array<char, kTarBlock> block;
    if (!read_block(block)) return false;
    const std::span<const char> header(block);
    if (std::all_of(header.begin(), header.end(), [](char byte) { return byte == 0; })) {
      // What follows is padding; it is read so that the connection may go on.
      while (source_(block) != 0) continue;
      return false;
    }
    if (!has_right_sum(header)) throw_bad_archive();
    const char type = header[156] == '\0' ? '0' : header[156];
    const std::uint64_t size = field_number(header.subspan(124, 12));
    left_ = size;
    padding_ = (kTarBlock - size % kTarBlock) % kTarBlock;
    if (type == 'x' || type == 'L' || type == 'K') {
      const std::string text = read_text(size);
      if (type == 'x') read_pax(text, extended);
      if (type == 'L') extended.name = text.c_str();
      if (type == 'K') extended.link = text.c_str();
      continue;
    }
    if (type == 'g') continue;
    member = {};
    member.type = type == '7' ? '0' : type;
    member.name = field_text(header.subspan(0, 100));
    member.link = field_text(header.subspan(157, 100));
    if (header[257] == 'u' && header[263] == '0' && header[345] != '\0') {
      member.name = field_text(header.subspan(345, 155)) + "/" + member.name;
    }
    member.mode = static_cast<mode_t>(field_number(header.subspan(100, 8)) & 07777U);
    member.modified = static_cast<std::int64_t>(field_number(header.subspan(136, 12)));
    member.major = static_cast<unsigned>(field_number(header.subspan(329, 8)));
    member.minor = static_cast<unsigned>(field_number(header.subspan(337, 8)));
    if (!extended.name.empty()) member.name = extended.name;
    if (!extended.link.empty()) member.link = extended.link;
    member.capability = extended.capability;
    if (extended.modified != -1) member.modified = extended.modified;
    if (extended.size != static_cast<std::uint64_t>(-1)) {
      left_ = extended.size;
      padding_ = (kTarBlock - left_ % kTarBlock) % kTarBlock;
    }
    // Whatever it says, only a file has content.
    if (member.type != '0') left_ = padding_ = 0;
    member.size = left_;
    return true;
  }
}

}  // namespace gantry::cli
