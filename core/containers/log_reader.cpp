#include "containers/log_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/file.hpp"

namespace gantry::containers {

namespace {

constexpr std::size_t kBlock = 65536;
constexpr std::size_t kLongestLine = std::size_t{1} << 20;  // the shim cuts output into parts of 16 KiB
constexpr std::size_t kMostFiles = 1000;

bool same_file(int fd, const std::string& path) {
  struct stat mine {};
  struct stat other {};
  return ::fstat(fd, &mine) == 0 && ::stat(path.c_str(), &other) == 0 && mine.st_ino == other.st_ino &&
         mine.st_dev == other.st_dev;
}

// Counts line feeds from the end of a file; returns where its last `lines` lines begin, and how many of them it lacks.
off_t seek_lines(int fd, std::uint64_t& lines) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return 0;
  std::array<char, kBlock> block;
  off_t end = status.st_size;
  bool last = true;  // the line feed at the very end closes the last line: it starts none
  while (end > 0) {
    const auto size = static_cast<std::size_t>(std::min<off_t>(end, static_cast<off_t>(block.size())));
    const off_t begin = end - static_cast<off_t>(size);
    const ssize_t got = ::pread(fd, block.data(), size, begin);
    if (got <= 0) return begin;
    for (auto at = static_cast<std::size_t>(got); at-- > 0;) {
      if (block[at] != '\n') {
        last = false;
        continue;
      }
      if (last) {
        last = false;
        continue;
      }
      if (--lines == 0) return begin + static_cast<off_t>(at) + 1;
    }
    end = begin;
  }
  if (status.st_size > 0) --lines;
  return 0;
}

}  // namespace

LogReader::LogReader(std::string path, LogRequest request) : path_(std::move(path)), request_(request) {
  if (request_.tail) {
    open_at_tail(*request_.tail);
  } else {
    open_oldest();
  }
}

std::string LogReader::name(std::size_t age) const { return age == 0 ? path_ : path_ + "." + std::to_string(age); }

void LogReader::open_at_tail(std::uint64_t lines) {
  for (std::size_t age = 0; age < kMostFiles; ++age) {
    UniqueFd file{::open(name(age).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return;
    if (lines == 0) {
      ::lseek(file.get(), 0, SEEK_END);
      file_ = std::move(file);
      return;
    }
    const off_t begin = seek_lines(file.get(), lines);
    ::lseek(file.get(), begin, SEEK_SET);
    file_ = std::move(file);
    if (lines == 0) return;
  }
}

bool LogReader::open_oldest() {
  std::size_t age = 0;
  while (age + 1 < kMostFiles && ::access(name(age + 1).c_str(), F_OK) == 0) ++age;
  file_.reset(::open(name(age).c_str(), O_RDONLY | O_CLOEXEC));
  return static_cast<bool>(file_);
}

bool LogReader::open_next() {
  if (!file_) return open_oldest();
  if (same_file(file_.get(), path_)) return false;
  for (std::size_t age = 1; age < kMostFiles; ++age) {
    if (::access(name(age).c_str(), F_OK) != 0) break;
    if (!same_file(file_.get(), name(age))) continue;
    UniqueFd newer{::open(name(age - 1).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!newer) return false;  // between two renames: the next look finds it
    file_ = std::move(newer);
    pending_.clear();
    return true;
  }
  // Ours was rotated away altogether: go on with the oldest that is left.
  pending_.clear();
  return open_oldest();
}

// A log that was cleared is shorter than what was read of it.
bool LogReader::seek_if_cleared() {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0 || status.st_size >= ::lseek(file_.get(), 0, SEEK_CUR)) return false;
  pending_.clear();
  return ::lseek(file_.get(), 0, SEEK_SET) == 0;
}

bool LogReader::read_block() {
  std::array<char, kBlock> block;
  ssize_t got = -1;
  do {
    got = ::read(file_.get(), block.data(), block.size());
  } while ((got < 0 && errno == EINTR) || (got == 0 && seek_if_cleared()));
  if (got < 0) throw_errno("cannot read " + path_);
  pending_.append(block.data(), static_cast<std::size_t>(got));
  return got > 0;
}

void LogReader::parse(std::string_view line, std::vector<LogEntry>& out) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return;  // torn by a crash
  const auto text = json.find("log");
  const auto time = json.find("time");
  if (text == json.end() || !text->is_string() || time == json.end() || !time->is_string()) return;
  LogEntry entry;
  entry.from_stderr = json.value("stream", "") == "stderr";
  if (entry.from_stderr ? !request_.stderr_wanted : !request_.stdout_wanted) return;
  entry.time = time->get<std::string>();
  if (request_.since != 0 || request_.until != 0) {
    const auto stamp = parse_rfc3339(entry.time);
    if (!stamp || *stamp < request_.since) return;
    if (request_.until != 0 && *stamp > request_.until) {
      finished_ = true;
      return;
    }
  }
  entry.text = text->get<std::string>();
  if (const auto attributes = json.find("attrs"); attributes != json.end() && attributes->is_object()) {
    for (const auto& [key, value] : attributes->items()) {
      if (value.is_string()) entry.attributes[key] = value.get<std::string>();
    }
  }
  out.push_back(std::move(entry));
}

void LogReader::take_lines(std::vector<LogEntry>& out) {
  std::size_t begin = 0;
  for (std::size_t end = pending_.find('\n'); end != std::string::npos && !finished_;
       end = pending_.find('\n', begin)) {
    parse(std::string_view(pending_).substr(begin, end - begin), out);
    begin = end + 1;
  }
  pending_.erase(0, begin);
  if (pending_.size() > kLongestLine) pending_.clear();
}

std::vector<LogEntry> LogReader::next() {
  std::vector<LogEntry> entries;
  while (entries.empty() && !finished_) {
    if (!file_ && !open_oldest()) break;
    if (!read_block()) {
      // What was appended between the read and the rotation must not be lost: look once more before leaving the file.
      const bool rotated = !same_file(file_.get(), path_);
      if (!rotated || (!read_block() && !open_next())) break;
    }
    take_lines(entries);
  }
  return entries;
}

}  // namespace gantry::containers
