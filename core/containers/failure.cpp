#include "containers/failure.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <vector>

#include "containers/propagation.hpp"

namespace gantry::containers {

namespace {

constexpr const char* kStartPrefix =
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: ";
constexpr const char* kRuncPrefix =
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ";
constexpr const char* kTaskPrefix = "failed to create task for container: failed to create shim task: ";
constexpr const char* kRuncExecPrefix = "OCI runtime exec failed: exec failed: ";
constexpr const char* kExecPrefix = "OCI runtime exec failed: exec failed: unable to start container process: ";
constexpr const char* kRelativeDirectory = "Cwd must be an absolute path";

// What a runtime says of a command that did not run, and its exit code; nothing if it failed before.
std::optional<int> exec_exit_code(const std::string& what) {
  const bool exec = what.starts_with("exec: ");
  if (exec && (what.find("executable file not found") != std::string::npos ||
               what.find("no such file or directory") != std::string::npos)) {
    return 127;
  }
  if (exec || what.find("permission denied") != std::string::npos || what.starts_with("chdir to cwd")) return 126;
  return std::nullopt;
}

// What dockerd makes of the words of an OCI runtime, which it does not understand otherwise.
int oci_exit_code(std::string what, int other) {
  std::ranges::transform(what, what.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto has = [&](const char* text) { return what.find(text) != std::string::npos; };
  if (has("executable file not found") || has("no such file or directory")) return 127;
  const bool refused = has("permission denied") || has("not a directory") || has("is a directory");
  // Newer versions of crun say so, and EPERM, where older ones said EACCES.
  const bool unfit = has("but it is not executable") || has("is not a regular file");
  return refused || unfit ? 126 : other;
}

// What a runtime says of a container that it could not make, as dockerd passes runc's words on.
std::string told_by_runtime(const std::string& what) {
  if (what.starts_with("sysctl \"")) return kRuncPrefix + what + ": unknown";
  const auto begins = [&](const char* start) { return what.starts_with(start); };
  std::string step;
  if (begins("open /proc/sys/") || begins("write /proc/sys/") || begins("error mounting \"") || begins("sethostname")) {
    step = "error during container init: ";
  } else if (begins("error setting rlimit type")) {
    step = "error during container init: error setting rlimits for ready process: ";
  } else if (begins("failed to write \"") && what.find("/cpu.rt_") != std::string::npos) {
    step = "unable to apply cgroup configuration: ";
  } else if (begins("failed to write \"") || begins("the minimum allowed cpu-") || begins("the maximum allowed cpu-")) {
    step = "error during container init: error setting cgroup config for procHooks process: ";
  } else {
    return what;
  }
  return kStartPrefix + step + what + ": unknown";
}

StartFailure describe(const std::exception_ptr& failure, const std::string& prefix, int other) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    const std::string what = error.what();
    if (what.starts_with("unable to find user") || what.starts_with("unable to find group") ||
        what.starts_with("Unable to find group") || what.starts_with("uids and gids must be")) {
      return {Error{Errc::invalid, what}, other};
    }
    if (what == kRelativeDirectory) return {Error{Errc::invalid, kRuncExecPrefix + what + ": unknown"}, other};
    if (what.starts_with("OCI runtime ")) {
      const std::string before = prefix == kStartPrefix ? kTaskPrefix : "";
      return {Error{Errc::invalid, before + what + ": unknown"}, oci_exit_code(what, other)};
    }
    const auto code = exec_exit_code(what);
    if (!code) return {Error{error.code(), told_by_runtime(what)}, other};
    // dockerd's own words.
    const bool directory = what.ends_with("is a directory");
    return {Error{Errc::invalid, prefix + what + (directory ? ": unknown: permission denied" : ": unknown")}, *code};
  } catch (const std::exception& error) {
    return {Error{Errc::internal, error.what()}, other};
  }
}

}  // namespace

StartFailure describe_start_failure(const std::exception_ptr& failure) {
  return describe(failure, kStartPrefix, kNotStarted);
}

StartFailure describe_exec_failure(const std::exception_ptr& failure) { return describe(failure, kExecPrefix, 126); }

namespace {

// As dockerd: all that is new of the path belongs to the container's root.
void make_source(const std::string& source, const std::optional<HostOwner>& owner) {
  std::vector<std::filesystem::path> fresh;
  std::error_code failed;
  for (std::filesystem::path at = source; at.has_relative_path() && !std::filesystem::exists(at, failed);) {
    fresh.push_back(at);
    at = at.parent_path();
  }
  std::filesystem::create_directories(source, failed);
  if (failed) {
    throw Error{Errc::io,
                "error while creating mount source path '" + source + "': mkdir " + source + ": " + failed.message()};
  }
  if (!owner) return;
  for (const auto& directory : fresh) {
    if (::lchown(directory.c_str(), owner->uid, owner->gid) != 0)
      throw Error{Errc::io, "cannot chown " + directory.string()};
  }
}

void make_missing_source(const MountPoint& place, const std::optional<HostOwner>& owner) {
  struct stat status {};
  if (place.type != "bind" || !place.create_source || ::stat(place.source.c_str(), &status) == 0) return;
  make_source(place.source, place.id_map ? std::nullopt : owner);
}

}  // namespace

void make_missing_sources(const std::vector<MountPoint>& mounts, const std::optional<HostOwner>& owner) {
  for (const MountPoint& place : mounts) make_missing_source(place, owner);
}

void make_bind_sources(const std::vector<MountPoint>& mounts, const std::optional<HostOwner>& owner) {
  for (const MountPoint& place : mounts) {
    if (place.type != "bind") continue;
    make_missing_source(place, owner);
    struct stat status {};
    if (::stat(place.source.c_str(), &status) != 0) {
      throw Error{Errc::invalid,
                  "invalid mount config for type \"bind\": bind source path does not exist: " + place.source};
    }
    check_propagation(place.source, place.propagation);
  }
}

}  // namespace gantry::containers
