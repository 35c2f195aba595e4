#include "containers/user_namespace.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/file.hpp"
#include "containers/defaults.hpp"
#include "containers/tree_ids.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

[[noreturn]] void refuse_remapped(const std::string& message) { throw Error{Errc::invalid, message}; }

void strip(std::vector<Mount>& mounts) {
  for (Mount& mount : mounts) strip_id_map(mount);
}

// Of ids from 0 on, without a gap: the last one.
std::uint32_t last_id(const std::vector<runtime::v1::IdMap>& map) {
  std::uint32_t next = 0;
  for (const auto& range : map) {
    if (range.inside == next) next += range.count;
  }
  return next == 0 ? 0 : next - 1;
}

bool is_closed(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return false;
  // With an ACL the group's bits are its mask: they may stand for anybody.
  return status.st_uid == 0 && (status.st_mode & (S_IXOTH | S_IXGRP)) == 0;
}

std::string user_namespace_of(const std::string& joined) {
  const std::string path = joined.substr(0, joined.rfind('/')) + "/user";
  std::error_code gone;
  std::string name = std::filesystem::read_symlink(path, gone);
  if (gone) throw Error{Errc::conflict, "cannot join " + joined + ": the container has ended"};
  return name;
}

/// The daemon may have been given other ids since that namespace was made.
TreeIds::Map joined_map(const std::string& joined, const std::string& file) {
  try {
    return TreeIds::parse_map(read_file(std::filesystem::path(joined).parent_path().parent_path() / file));
  } catch (const Error&) {
    throw Error{Errc::conflict, "cannot join " + joined + ": the container has ended"};
  }
}

}  // namespace

void strip_id_map(Mount& mount) {
  for (const std::string_view option : {kIdMapOption, kNoLinksOption}) std::erase(mount.options, option);
}

bool is_remapped(const wire::HostConfig& host, const Settings& settings) {
  return !settings.uid_map.empty() && host.userns_mode != "host";
}

void check_user_namespace(const wire::HostConfig& host, const Settings& settings) {
  if (!is_remapped(host, settings)) return;
  if (host.privileged) {
    refuse_remapped(
        "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when "
        "running privileged mode");
  }
  if (host.network_mode == "host") {
    refuse_remapped("cannot share the host's network namespace when user namespaces are enabled");
  }
  if (host.pid_mode == "host") refuse_remapped("cannot share the host PID namespace when user namespaces are enabled");
  if (host.ipc_mode == "host") refuse_remapped("cannot share the host IPC namespace when user namespaces are enabled");
}

void build_user_namespace(const wire::HostConfig& host, const Settings& settings, const std::string& joined,
                          runtime::v1::Spec& spec) {
  if (!is_remapped(host, settings)) {
    strip(spec.root);
    strip(spec.mounts);
    return;
  }
  spec.namespaces.push_back({"user", joined});
  spec.uid_map = joined.empty() ? settings.uid_map : joined_map(joined, "uid_map");
  spec.gid_map = joined.empty() ? settings.gid_map : joined_map(joined, "gid_map");
  // Written by the container's root, to whom other groups mean nothing.
  const auto pings = spec.sysctls.find("net.ipv4.ping_group_range");
  if (pings != spec.sysctls.end() && !host.sysctls.contains(pings->first)) {
    pings->second = "0 " + std::to_string(last_id(spec.gid_map));
  }
}

std::string joined_user_namespace(const std::map<std::string, std::string>& joined) {
  if (joined.empty()) return {};
  std::error_code failed;
  const std::string own = std::filesystem::read_symlink("/proc/self/ns/user", failed);
  const std::string name = user_namespace_of(joined.begin()->second);
  if (name == own) {
    throw Error{Errc::conflict, "cannot join the " + joined.begin()->first +
                                    " namespace of a container in the host's user namespace: run both with "
                                    "--userns=host, or neither"};
  }
  for (const auto& [kind, path] : joined) {
    if (user_namespace_of(path) == name) continue;
    throw Error{Errc::conflict, "cannot join namespaces of two user namespaces: that of " + kind + " and that of " +
                                    joined.begin()->first + " must be one container's, or be shared by both"};
  }
  const std::string& first = joined.begin()->second;
  return first.substr(0, first.rfind('/')) + "/user";
}

std::string check_mapped_bind(const std::string& source) {
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::canonical(source, failed);
  if (failed) {
    refuse_remapped("invalid mount config for type \"bind\": bind source path does not exist: " + source);
  }
  for (auto at = real.parent_path(); at != at.root_path(); at = at.parent_path()) {
    if (is_closed(at)) return real;
  }
  refuse_remapped("invalid mount config for type \"bind\": idmap: other users of the host can enter " + real.string() +
                  ", where files of the container's root would be the host's root's: put it below a directory that "
                  "only root can enter (chmod 700)");
}

void check_mapped_binds(std::vector<Mount>& mounts) {
  for (Mount& mount : mounts) {
    const bool is_asked_for =
        std::find(mount.options.begin(), mount.options.end(), kNoLinksOption) != mount.options.end();
    if (is_asked_for) mount.source = check_mapped_bind(mount.source);
  }
}

}  // namespace gantry::containers
