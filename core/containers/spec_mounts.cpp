#include <algorithm>
#include <set>

#include "containers/defaults.hpp"
#include "containers/spec.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

// As oci.DefaultLinuxSpec of dockerd.
std::vector<Mount> default_mounts(const wire::HostConfig& host) {
  const char* const access = host.privileged ? "rw" : "ro";
  std::vector<Mount> mounts;
  const auto add = [&](const char* type, const char* target, std::vector<std::string> options) {
    mounts.push_back({type, type, target, "", std::move(options)});
  };
  add("proc", "/proc", {"nosuid", "noexec", "nodev"});
  add("tmpfs", "/dev", {"nosuid", "strictatime", "mode=755", "size=65536k"});
  add("devpts", "/dev/pts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"});
  add("sysfs", "/sys", {"nosuid", "noexec", "nodev", access});
  add("cgroup", "/sys/fs/cgroup", {access, "nosuid", "noexec", "nodev"});
  add("mqueue", "/dev/mqueue", {"nosuid", "noexec", "nodev"});
  return mounts;
}

Mount shm_mount(const wire::HostConfig& host, const SpecInputs& inputs) {
  Mount shm{"bind", "/dev/shm", "/dev/shm", "", {"rbind", "rprivate"}};
  if (host.ipc_mode == "host") return shm;
  if (joins_container(host.ipc_mode)) {
    shm.options.push_back(std::string(kMountNamespaceOption) + inputs.joined_shm);
    return shm;
  }
  return {"tmpfs",
          "shm",
          "/dev/shm",
          "",
          {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(host.shm_size)}};
}

// What dockerd lets through to a tmpfs.
bool is_tmpfs_option(const std::string& option) {
  static const std::set<std::string> flags{
      "defaults", "ro",         "rw",          "suid",        "nosuid",       "dev",     "nodev",
      "exec",     "noexec",     "sync",        "async",       "dirsync",      "remount", "mand",
      "nomand",   "atime",      "noatime",     "diratime",    "nodiratime",   "bind",    "rbind",
      "private",  "rprivate",   "shared",      "rshared",     "slave",        "rslave",  "unbindable",
      "relatime", "norelatime", "runbindable", "strictatime", "nostrictatime"};
  static const std::set<std::string> keys{"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"};
  const std::size_t equals = option.find('=');
  return equals == std::string::npos ? flags.contains(option) : keys.contains(option.substr(0, equals));
}

void add_tmpfs_options(std::vector<std::string>& options, const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string option = text.substr(at, end - at);
    at = end + 1;
    if (option.empty()) continue;
    if (!is_tmpfs_option(option)) {
      throw Error{Errc::invalid, "invalid tmpfs option \"" + option.substr(0, option.find('=')) + "\""};
    }
    options.push_back(option);
  }
}

// The first mount is the image's root, the others go into it.
void add_image(const MountPoint& place, const SpecInputs& inputs, std::vector<Mount>& mounts) {
  const auto image = inputs.images.find(place.destination);
  if (image == inputs.images.end()) throw Error{Errc::internal, "the image of " + place.destination + " is not there"};
  for (Mount mount : image->second) {
    const bool is_root = mount.target.empty();
    if (!is_root && !place.subpath.empty()) continue;
    mount.target = place.destination + mount.target;
    mount.options.emplace_back(mount.type == "bind" ? "rro" : "ro");
    mount.options.emplace_back(kIdMapOption);
    if (!place.subpath.empty()) mount.options.push_back(std::string(kSubpathOption) + place.subpath);
    mounts.push_back(std::move(mount));
  }
}

}  // namespace

Mount build_mount(const MountPoint& place, const Mount* volume) {
  if (place.type == "tmpfs") {
    Mount mount{"tmpfs", "tmpfs", place.destination, "", {"noexec", "nosuid", "nodev"}};
    add_tmpfs_options(mount.options, place.options);
    if (!place.writable) mount.options.emplace_back("ro");
    return mount;
  }
  if (place.type == "image") throw Error{Errc::unsupported, "an image cannot be mounted into a running container"};
  if (place.type == "volume") {
    if (volume == nullptr) throw Error{Errc::internal, "the volume of " + place.destination + " was not acquired"};
    Mount mount = *volume;
    mount.target = place.destination;
    if (std::erase(mount.options, std::string(kHostIdsOption)) == 0) mount.options.emplace_back(kIdMapOption);
    if (!place.subpath.empty()) mount.options.push_back(std::string(kSubpathOption) + place.subpath);
    if (!place.writable) mount.options.emplace_back(mount.type == "bind" ? "rro" : "ro");
    return mount;
  }
  Mount mount{"bind", place.source, place.destination, "", {place.non_recursive ? "bind" : "rbind"}};
  mount.options.push_back(place.propagation.empty() ? "rprivate" : place.propagation);
  if (!place.writable) mount.options.emplace_back(place.readonly_top_only ? "ro" : "rro");
  if (place.id_map) mount.options.insert(mount.options.end(), {std::string(kIdMapOption), std::string(kNoLinksOption)});
  return mount;
}

bool needs_bind_lookup(const std::vector<Mount>& mounts) {
  const auto is_looked_up = [](const std::string& option) {
    return option.starts_with(kSubpathOption) || option.starts_with(kMountNamespaceOption);
  };
  return std::any_of(mounts.begin(), mounts.end(), [&](const Mount& mount) {
    return std::any_of(mount.options.begin(), mount.options.end(), is_looked_up);
  });
}

std::vector<Mount> build_mounts(const Container& container, const SpecInputs& inputs) {
  const wire::HostConfig& host = container.host_config;
  std::vector<Mount> base = default_mounts(host);
  std::vector<Mount> mounts;
  if (host.ipc_mode != "none") mounts.push_back(shm_mount(host, inputs));
  const auto bind_file = [&](const std::string& source, const char* target) {
    if (source.empty()) return;
    mounts.push_back({"bind", source, target, "", {"bind", "rprivate", std::string(kIdMapOption)}});
    // dockerd leaves them writable unless the root is read-only.
    if (host.readonly_rootfs) mounts.back().options.emplace_back("ro");
  };
  bind_file(inputs.resolv_conf, "/etc/resolv.conf");
  bind_file(inputs.hostname_file, "/etc/hostname");
  bind_file(inputs.hosts, "/etc/hosts");
  for (const MountPoint& place : container.mounts) {
    // The user's own replaces ours: --tmpfs /dev/shm, -v /x:/etc/hosts.
    const auto is_replaced = [&](const Mount& mount) { return mount.target == place.destination; };
    std::erase_if(base, is_replaced);
    std::erase_if(mounts, is_replaced);
  }
  for (const MountPoint& place : container.mounts) {
    if (place.type == "image") {
      add_image(place, inputs, mounts);
      continue;
    }
    const auto volume = inputs.volumes.find(place.destination);
    mounts.push_back(build_mount(place, volume == inputs.volumes.end() ? nullptr : &volume->second));
  }
  // Outer ones first: a volume on /etc does not hide the container's hosts.
  const auto depth = [](const Mount& mount) { return std::count(mount.target.begin(), mount.target.end(), '/'); };
  std::stable_sort(mounts.begin(), mounts.end(), [&](const Mount& a, const Mount& b) { return depth(a) < depth(b); });
  base.insert(base.end(), std::make_move_iterator(mounts.begin()), std::make_move_iterator(mounts.end()));
  return base;
}

}  // namespace gantry::containers
