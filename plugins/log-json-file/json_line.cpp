#include "json_line.hpp"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace gantry::json_file {

namespace {

using log::v1::Entry;

constexpr std::size_t kBlock = 65536;

bool parse_line(std::string_view line, Entry& entry) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return false;  // torn by a crash
  const auto text = json.find("log");
  const auto time = json.find("time");
  if (text == json.end() || !text->is_string() || time == json.end() || !time->is_string()) return false;
  entry.from_stderr = json.value("stream", "") == "stderr";
  entry.time = parse_time(time->get_ref<const std::string&>());
  if (entry.time < 0) return false;
  entry.text = text->get<std::string>();
  entry.partial = !entry.text.ends_with('\n');
  if (!entry.partial) entry.text.pop_back();
  if (const auto attributes = json.find("attrs"); attributes != json.end() && attributes->is_object()) {
    for (const auto& [key, value] : attributes->items()) {
      if (value.is_string()) entry.attributes.emplace_back(key, value.get<std::string>());
    }
  }
  return true;
}

int number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : -1;
}

}  // namespace

std::int64_t parse_time(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text.back() != 'Z') {
    return -1;
  }
  std::tm parts{};
  parts.tm_year = number(text.substr(0, 4)) - 1900;
  parts.tm_mon = number(text.substr(5, 2)) - 1;
  parts.tm_mday = number(text.substr(8, 2));
  parts.tm_hour = number(text.substr(11, 2));
  parts.tm_min = number(text.substr(14, 2));
  parts.tm_sec = number(text.substr(17, 2));
  if (parts.tm_year < 70 || parts.tm_mon < 0 || parts.tm_mday < 1 || parts.tm_hour < 0 || parts.tm_min < 0 ||
      parts.tm_sec < 0) {
    return -1;
  }
  std::int64_t fraction = 0;
  if (text.size() > 20) {
    std::string digits{text.substr(20, text.size() - 21)};
    if (text[19] != '.' || digits.size() > 9) return -1;
    digits.resize(9, '0');
    fraction = number(digits);
    if (fraction < 0) return -1;
  }
  return std::int64_t{::timegm(&parts)} * 1'000'000'000 + fraction;
}

// Counts line feeds from the end of the file.
std::int64_t JsonLines::seek_last(int fd, std::uint64_t& count) const {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return 0;
  std::array<char, kBlock> block;
  std::int64_t end = facts.st_size;
  bool last = true;  // the line feed at the very end closes the last line: it starts none
  while (end > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::int64_t>(end, kBlock));
    const std::int64_t begin = end - static_cast<std::int64_t>(size);
    const ssize_t got = ::pread(fd, block.data(), size, begin);
    if (got <= 0) return begin;
    for (auto at = static_cast<std::size_t>(got); at-- > 0;) {
      const bool closes_last = std::exchange(last, false);
      if (block[at] != '\n' || closes_last) continue;
      if (--count == 0) return begin + static_cast<std::int64_t>(at) + 1;
    }
    end = begin;
  }
  if (facts.st_size > 0) --count;
  return 0;
}

std::size_t JsonLines::parse(std::string_view bytes, std::vector<Entry>& out) const {
  std::size_t begin = 0;
  for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n', begin)) {
    Entry entry;
    if (parse_line(bytes.substr(begin, end - begin), entry)) out.push_back(std::move(entry));
    begin = end + 1;
  }
  return begin;
}

}  // namespace gantry::json_file
