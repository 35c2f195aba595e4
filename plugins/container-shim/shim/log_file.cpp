#include "shim/log_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "shim/log_helper.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

/// The compressor holds a lock on the file that it reads.
bool is_being_compressed(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  return file && ::flock(file.get(), LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

}  // namespace

LogFile::LogFile(const PlanLog& plan) : plan_(plan), max_files_(plan.max_files == 0 ? 1 : plan.max_files) { reopen(); }

std::string LogFile::name(std::uint32_t age) const { return plan_.path + "." + number(age); }

void LogFile::reopen() {
  file_.reset(::open(plan_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640));
  struct stat facts {};
  size_ = file_ && ::fstat(file_.get(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
  // Of a new one, whatever the shim's umask.
  if (file_ && size_ == 0) ::fchmod(file_.get(), 0640);
}

void LogFile::retry() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  if (now.tv_sec == tried_) return;
  tried_ = now.tv_sec;
  reopen();
}

void LogFile::add(std::string_view line) {
  out_ += line;
  if (plan_.max_size == 0 || size_ + out_.size() < plan_.max_size) return;
  flush();
  rotate();
}

void LogFile::flush() {
  // A full disk costs the lines that do not fit; the container runs on.
  if (!out_.empty() && write_all(file_.get(), out_) == 0) size_ += out_.size();
  out_.clear();
}

void LogFile::rotate() {
  if (max_files_ == 1) {
    if (::ftruncate(file_.get(), 0) == 0) reopen();
    return;
  }
  // One file at a time: until it is done the present one grows beyond its size, and no name changes under it.
  if (!plan_.compressor.empty() && is_being_compressed(name(1))) return;
  shift_names();
  reopen();
  if (!plan_.compressor.empty()) compress_newest();
}

void LogFile::shift_names() const {
  ::unlink(name(max_files_ - 1).c_str());
  ::unlink((name(max_files_ - 1) + ".gz").c_str());
  for (std::uint32_t age = max_files_ - 1; age > 1; --age) {
    ::rename(name(age - 1).c_str(), name(age).c_str());
    ::rename((name(age - 1) + ".gz").c_str(), (name(age) + ".gz").c_str());
  }
  ::rename(plan_.path.c_str(), name(1).c_str());
}

void LogFile::compress_newest() const {
  const UniqueFd file(::open(name(1).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  // Locked here, for the program and by its descriptor: there is no moment without the lock.
  if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) < 0) return;
  std::vector<std::string> command = plan_.compressor;
  command.push_back(name(1));
  run_log_helper(command, file);
}

}  // namespace gantry::container_shim
