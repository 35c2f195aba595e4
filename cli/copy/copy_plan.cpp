#include "copy/copy_plan.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "command/failure.hpp"
#include "copy/host_path.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

[[noreturn]] void throw_path(const char* call, const std::string& path) {
  throw Failure(std::string(call) + " " + path + ": " + lower(std::strerror(errno)));
}

// Every link of the path is followed. Of what is missing, the message names the link's target, as Go's does.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), std::free);
  if (resolved) return resolved.get();
  const int error = errno;
  // Go gives the bare reason where a file was said to be a directory.
  if (error == ENOTDIR) throw Failure("not a directory");
  std::string missing = clean_path(path);
  std::string target(PATH_MAX, '\0');
  if (const ssize_t size = ::readlink(missing.c_str(), target.data(), target.size()); size > 0) {
    missing = link_destination(missing, target.substr(0, static_cast<std::size_t>(size)));
  }
  errno = error;
  throw_path("lstat", missing);
}

struct stat link_status(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return status;
  throw_path("lstat", path);
}

}  // namespace

CopyPlan plan_copy(const CopySource& source, const CopyDestination& destination) {
  if (destination.exists && destination.is_directory) {
    const std::string name = source.name.empty() ? split_entry(source.path).base : source.name;
    return {destination.path, name == "/" ? "." : name};
  }
  if (destination.exists && source.is_directory) throw Failure("cannot copy directory");
  if (!destination.exists && !source.is_directory && asserts_directory(destination.path)) {
    throw Failure("no such directory");
  }
  const PathEntry entry = split_entry(destination.path);
  return {entry.directory, entry.base};
}

CopySource host_source(const std::string& path, bool follow_link) {
  Resolved resolved;
  if (follow_link) {
    resolved = rename_resolved(path, real_path(path));
  } else {
    const auto slash = path.rfind('/');
    resolved.path = real_path(path.substr(0, slash + 1)) + "/" + path.substr(slash + 1);
    if (has_trailing_separator(path)) resolved.name = rename_resolved(path, resolved.path).name;
  }
  const struct stat status = link_status(resolved.path);
  return {resolved.path, S_ISDIR(status.st_mode), resolved.name};
}

CopyDestination host_destination(const std::string& path) {
  constexpr int kMostLinks = 10;
  std::string at = path;
  struct stat status {};
  int found = ::lstat(at.c_str(), &status);
  for (int links = 0; found == 0 && S_ISLNK(status.st_mode); ++links) {
    if (links > kMostLinks) throw Failure("too many symlinks in " + path);
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlink(at.c_str(), target.data(), target.size());
    if (size < 0) throw_path("readlink", at);
    at = link_destination(at, target.substr(0, static_cast<std::size_t>(size)));
    found = ::lstat(at.c_str(), &status);
  }
  if (found == 0) return {at, true, S_ISDIR(status.st_mode)};
  if (errno != ENOENT) throw_path("lstat", at);
  const std::string parent = split_entry(at).directory;
  if (::stat(parent.c_str(), &status) != 0) throw_path("stat", parent);
  if (!S_ISDIR(status.st_mode)) throw Failure("not a directory");
  return {at, false, false};
}

void check_output_path(const std::string& path) {
  const std::string cleaned = clean_path(path);
  const std::string directory = split_entry(cleaned).directory;
  struct stat status {};
  if (directory != "." && ::stat(directory.c_str(), &status) != 0 && errno == ENOENT) {
    throw Failure("invalid output path: directory \"" + directory + "\" does not exist");
  }
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    throw_path("stat", path);
  }
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    throw Failure("invalid output path: \"" + path + "\" must be a directory or a regular file: got a device");
  }
}

std::string rename_root(const std::string& name, const std::string& from, const std::string& to) {
  if (from == "/" || from == ".") {
    std::string_view rest = name;
    while (starts_with(rest, "/") || starts_with(rest, "./")) rest.remove_prefix(rest.front() == '/' ? 1 : 2);
    return rest.empty() || rest == "." ? to : to + "/" + std::string(rest);
  }
  if (name == from || starts_with(name, from + "/")) return to + name.substr(from.size());
  return name;
}

}  // namespace gantry::cli
