#include "container_shim/container_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>

#include "container_shim/protocol.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error{errno == ENOSPC ? Errc::exhausted : Errc::io, what + ": " + std::strerror(errno)};
}

void make_file(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail("write " + path);
}

std::optional<runtime::v1::ExitStatus> parse_exit(std::istream& text) {
  runtime::v1::ExitStatus status;
  int oom = 0;
  if (!(text >> status.code >> oom >> status.finished_at_ns)) return std::nullopt;
  status.oom_killed = oom != 0;
  return status;
}

}  // namespace

std::string read_text(const std::string& path) {
  std::string content;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return content;
  char buffer[8192];
  for (ssize_t count = 0; (count = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
    content.append(buffer, static_cast<std::size_t>(count));
  }
  return content;
}

std::string first_line(const std::string& path) {
  std::string text = read_text(path);
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

bool write_file(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::uint64_t to_number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t read_number(const std::string& path) { return to_number(first_line(path)); }

Pairs read_pairs(const std::string& path) {
  Pairs pairs;
  std::istringstream words(read_text(path));
  std::string name;
  for (std::uint64_t value = 0; words >> name >> value;) pairs.emplace_back(name, value);
  return pairs;
}

std::uint64_t value_of(const Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return value;
  }
  return 0;
}

bool is_valid_id(const std::string& id) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), fits);
}

bool ContainerFiles::exist() const { return ::access(directory_.c_str(), F_OK) == 0; }

void ContainerFiles::create(const std::vector<PlanCgroup>& cgroups) const {
  if (::mkdir(directory_.c_str(), 0711) < 0) {
    if (errno == EEXIST) throw Error{Errc::conflict, "the container exists already: " + directory_};
    fail("mkdir " + directory_);
  }
  const std::string root = directory_ + "/" + kRootDirectory;
  if (::mkdir(root.c_str(), 0711) < 0) fail("mkdir " + root);
  std::string lines;
  for (const PlanCgroup& cgroup : cgroups) lines += cgroup.directory + "\n";
  make_file(directory_ + "/" + kCgroupsFile, lines);
}

void ContainerFiles::remove() const {
  // A shim that is on its way out may put one more exec on record.
  constexpr int kAttempts = 8;
  for (int attempt = 1; ::access(directory_.c_str(), F_OK) == 0; ++attempt) {
    remove_content();
    if (::rmdir(directory_.c_str()) == 0 || errno == ENOENT) return;
    if (errno != ENOTEMPTY || attempt == kAttempts) fail("rmdir " + directory_);
  }
}

void ContainerFiles::remove_content() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory_.c_str()), ::closedir);
  if (!entries) return;
  ::rmdir((directory_ + "/" + kRootDirectory).c_str());
  while (const dirent* entry = ::readdir(entries.get())) {
    // The record of the cgroup goes last: whoever repeats a removal needs it.
    if (entry->d_type == DT_DIR || std::strcmp(entry->d_name, kCgroupsFile) == 0) continue;
    ::unlinkat(::dirfd(entries.get()), entry->d_name, 0);
  }
  ::unlinkat(::dirfd(entries.get()), kCgroupsFile, 0);
}

std::vector<std::string> ContainerFiles::cgroup_directories() const {
  std::vector<std::string> directories;
  std::istringstream lines(read_text(directory_ + "/" + kCgroupsFile));
  for (std::string line; std::getline(lines, line);) directories.push_back(line);
  return directories;
}

std::optional<StartedState> ContainerFiles::started() const {
  std::istringstream text(read_text(directory_ + "/" + kStateFile));
  StartedState state;
  if (text >> state.shim >> state.shim_start >> state.init >> state.init_start) return state;
  return std::nullopt;
}

std::optional<runtime::v1::ExitStatus> ContainerFiles::exit_status() const {
  std::istringstream text(read_text(directory_ + "/" + kExitFile));
  return parse_exit(text);
}

std::optional<runtime::v1::ExitStatus> ContainerFiles::exec_exit_status(const std::string& exec_id) const {
  std::istringstream lines(read_text(directory_ + "/" + kExecsFile));
  std::optional<runtime::v1::ExitStatus> found;
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    std::istringstream words(line);
    std::string id;
    if (words >> id && id == exec_id) found = parse_exit(words);
  }
  return found;
}

void ContainerFiles::write_exit_status(const runtime::v1::ExitStatus& status) const {
  const std::string path = directory_ + "/" + kExitFile;
  make_file(path + ".new", std::to_string(status.code) + (status.oom_killed ? " 1 " : " 0 ") +
                               std::to_string(status.finished_at_ns) + "\n");
  if (::rename((path + ".new").c_str(), path.c_str()) < 0) fail("write " + path);
}

}  // namespace gantry::container_shim
