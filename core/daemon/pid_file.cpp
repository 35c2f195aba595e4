#include "daemon/pid_file.hpp"

#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "base/file.hpp"

namespace gantry::daemon {

namespace {

namespace fs = std::filesystem;

long read_pid(const std::string& path) {
  long pid = 0;
  try {
    const std::string text = read_file(path, 64);
    std::from_chars(text.data(), text.data() + text.size(), pid);
  } catch (const Error&) {
    return 0;
  }
  return pid;
}

// A pid is given again to others: only a process of this program's name counts, and not one that was killed and whose
// parent has not noticed yet.
bool runs_gantryd(long pid) {
  try {
    std::error_code ended;
    if (fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", ended).empty()) return false;
    return read_file("/proc/" + std::to_string(pid) + "/comm", 64) == read_file("/proc/self/comm", 64);
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

PidFile::PidFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  const long other = read_pid(path_);
  if (other > 0 && other != ::getpid() && runs_gantryd(other)) {
    throw Error{Errc::conflict, "process with PID " + std::to_string(other) +
                                    " is still running: ensure gantryd is not running or delete " + path_};
  }
  if (fs::path{path_}.has_parent_path()) fs::create_directories(fs::path{path_}.parent_path());
  write_file_atomically(path_, std::to_string(::getpid()), 0644);
}

PidFile::~PidFile() {
  if (!path_.empty() && read_pid(path_) == ::getpid()) ::unlink(path_.c_str());
}

}  // namespace gantry::daemon
