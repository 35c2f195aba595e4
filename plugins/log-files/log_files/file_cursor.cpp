#include "log_files/file_cursor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace gantry::log_files {

namespace {

constexpr std::size_t kBlock = 65536;
constexpr std::size_t kLongestEntry = std::size_t{1} << 20;  // output is cut into parts of 16 KiB

}  // namespace

FileCursor::FileCursor(std::string path, std::unique_ptr<const Format> format, log::v1::ReadRequest request)
    : format_(std::move(format)), request_(request), files_(std::move(path)) {
  if (request_.tail) {
    open_at_tail(*request_.tail);
  } else {
    files_.open_oldest();
  }
}

void FileCursor::open_at_tail(std::uint64_t entries) {
  for (std::size_t age = 0; files_.open(age); ++age) {
    if (entries == 0) {
      ::lseek(files_.fd(), 0, SEEK_END);
      return;
    }
    ::lseek(files_.fd(), format_->seek_last(files_.fd(), entries), SEEK_SET);
    if (entries == 0) return;
  }
}

void FileCursor::watched(std::vector<std::string>& out) const {
  out.push_back(std::filesystem::path(files_.path()).parent_path());
}

// A log that was cleared is shorter than what was read of it.
bool FileCursor::seek_if_cleared() {
  struct stat facts {};
  if (::fstat(files_.fd(), &facts) != 0 || facts.st_size >= ::lseek(files_.fd(), 0, SEEK_CUR)) return false;
  pending_.clear();
  return ::lseek(files_.fd(), 0, SEEK_SET) == 0;
}

bool FileCursor::read_block() {
  std::array<char, kBlock> block;
  ssize_t got = -1;
  do {
    got = ::read(files_.fd(), block.data(), block.size());
  } while ((got < 0 && errno == EINTR) || (got == 0 && seek_if_cleared()));
  if (got < 0) throw Error{Errc::io, "cannot read " + files_.path() + ": " + std::strerror(errno)};
  pending_.append(block.data(), static_cast<std::size_t>(got));
  return got > 0;
}

bool FileCursor::matches(const log::v1::Entry& entry) {
  if (entry.from_stderr ? !request_.want_stderr : !request_.want_stdout) return false;
  if (entry.time < request_.since) return false;
  if (request_.until != 0 && entry.time > request_.until) finished_ = true;
  return !finished_;
}

void FileCursor::take_entries(std::vector<log::v1::Entry>& out) {
  std::vector<log::v1::Entry> found;
  pending_.erase(0, format_->parse(pending_, found));
  if (pending_.size() > kLongestEntry) pending_.clear();
  for (log::v1::Entry& entry : found) {
    if (!finished_ && matches(entry)) out.push_back(std::move(entry));
  }
}

void FileCursor::next(std::vector<log::v1::Entry>& out, const Call& call) {
  out.clear();
  while (out.empty() && !finished_) {
    call.check();
    if (!files_ && !files_.open_oldest()) break;
    if (!read_block()) {
      // What was appended between the read and the rotation must not be lost: look once more before leaving the file.
      const bool rotated = !files_.is_newest();
      if (!rotated) break;
      if (!read_block()) {
        if (!files_.open_next()) break;
        pending_.clear();
      }
    }
    take_entries(out);
  }
}

}  // namespace gantry::log_files
