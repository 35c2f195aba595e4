#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <filesystem>

#include "containers/spec.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

using runtime::v1::Device;
using runtime::v1::DeviceRule;

struct DefaultDevice {
  const char* path;
  std::int64_t major;
  std::int64_t minor;
};
constexpr std::array<DefaultDevice, 6> kDevices{{{"/dev/null", 1, 3},
                                                 {"/dev/zero", 1, 5},
                                                 {"/dev/full", 1, 7},
                                                 {"/dev/random", 1, 8},
                                                 {"/dev/urandom", 1, 9},
                                                 {"/dev/tty", 5, 0}}};

void add_defaults(runtime::v1::Spec& spec) {
  spec.device_rules.push_back({true, 'c', -1, -1, "m"});
  spec.device_rules.push_back({true, 'b', -1, -1, "m"});
  for (const DefaultDevice& known : kDevices) {
    Device device;
    device.path = known.path;
    device.major = known.major;
    device.minor = known.minor;
    spec.devices.push_back(device);
    spec.device_rules.push_back({true, 'c', known.major, known.minor, "rwm"});
  }
  spec.device_rules.push_back({true, 'c', 5, 1, "rwm"});     // /dev/console
  spec.device_rules.push_back({true, 'c', 5, 2, "rwm"});     // /dev/ptmx
  spec.device_rules.push_back({true, 'c', 136, -1, "rwm"});  // /dev/pts/*
}

bool read_device(const std::string& host_path, Device& device) {
  struct stat status {};
  if (::stat(host_path.c_str(), &status) != 0) return false;
  if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) return false;
  device.type = S_ISBLK(status.st_mode) ? 'b' : 'c';
  device.major = ::major(status.st_rdev);
  device.minor = ::minor(status.st_rdev);
  device.mode = status.st_mode & 07777;
  device.uid = status.st_uid;
  device.gid = status.st_gid;
  return true;
}

// The devices below a directory of the host's /dev, but for those that are the container's own.
std::vector<Device> devices_below(const std::string& folder, const std::string& inside) {
  std::vector<Device> devices;
  std::error_code failed;
  std::filesystem::recursive_directory_iterator at{folder, failed};
  for (; !failed && at != std::filesystem::recursive_directory_iterator{}; at.increment(failed)) {
    const std::string name = at->path().filename();
    if (at->is_directory(failed) &&
        (name == "pts" || name == "shm" || name == "fd" || name == "mqueue" || name == ".lxc")) {
      at.disable_recursion_pending();
      continue;
    }
    if (at->is_symlink(failed) || name == "console" || name == "ptmx") continue;
    Device device;
    device.path = inside + at->path().string().substr(folder.size());
    if (read_device(at->path(), device)) devices.push_back(std::move(device));
  }
  return devices;
}

void put(std::vector<Device>& devices, Device device) {
  std::erase_if(devices, [&](const Device& other) { return other.path == device.path; });
  devices.push_back(std::move(device));
}

void add_mapping(const wire::DeviceMapping& mapping, runtime::v1::Spec& spec) {
  const std::string inside = mapping.path_in_container.empty() ? mapping.path_on_host : mapping.path_in_container;
  const std::string access = mapping.cgroup_permissions.empty() ? "rwm" : mapping.cgroup_permissions;
  if (access.find_first_not_of("rwm") != std::string::npos)
    throw Error{Errc::invalid, "invalid device mode: " + access};
  struct stat status {};
  if (::stat(mapping.path_on_host.c_str(), &status) != 0) {
    throw Error{Errc::invalid, "error gathering device information while adding custom device \"" +
                                   mapping.path_on_host + "\": no such file or directory"};
  }
  std::vector<Device> found;
  Device single;
  single.path = inside;
  if (S_ISDIR(status.st_mode))
    found = devices_below(mapping.path_on_host, inside);
  else if (read_device(mapping.path_on_host, single))
    found.push_back(single);
  if (found.empty()) {
    throw Error{Errc::invalid, "error gathering device information while adding custom device \"" +
                                   mapping.path_on_host + "\": not a device node"};
  }
  for (Device& device : found) {
    spec.device_rules.push_back({true, device.type, device.major, device.minor, access});
    put(spec.devices, std::move(device));
  }
}

// "c 1:3 rwm", "a *:* rwm".
DeviceRule parse_rule(const std::string& text) {
  const auto refuse = [&] { throw Error{Errc::invalid, "invalid device cgroup rule format: '" + text + "'"}; };
  DeviceRule rule;
  rule.allow = true;
  if (text.size() < 5 || (text[0] != 'a' && text[0] != 'b' && text[0] != 'c') || text[1] != ' ') refuse();
  rule.type = text[0];
  const std::size_t colon = text.find(':', 2);
  const std::size_t space = text.find(' ', 2);
  if (colon == std::string::npos || space == std::string::npos || space < colon) refuse();
  const auto number = [&](const std::string& part) -> std::int64_t {
    if (part == "*") return -1;
    if (part.empty() || part.size() > 9 || part.find_first_not_of("0123456789") != std::string::npos) refuse();
    return std::stoll(part);
  };
  rule.major = number(text.substr(2, colon - 2));
  rule.minor = number(text.substr(colon + 1, space - colon - 1));
  rule.access = text.substr(space + 1);
  if (rule.access.empty() || rule.access.size() > 3 || rule.access.find_first_not_of("rwm") != std::string::npos)
    refuse();
  return rule;
}

}  // namespace

void build_devices(const wire::HostConfig& host, const std::vector<wire::DeviceMapping>& more,
                   runtime::v1::Spec& spec) {
  add_defaults(spec);
  if (host.privileged) {
    for (Device& device : devices_below("/dev", "/dev")) put(spec.devices, std::move(device));
    spec.device_rules = {{true, 'a', -1, -1, "rwm"}};
  }
  for (const auto& mapping : host.resources.devices) add_mapping(mapping, spec);
  for (const auto& mapping : more) add_mapping(mapping, spec);
  if (host.privileged) return;
  for (const auto& rule : host.resources.device_cgroup_rules) spec.device_rules.push_back(parse_rule(rule));
}

}  // namespace gantry::containers
