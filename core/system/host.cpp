#include "system/host.hpp"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <sstream>

#include "base/file.hpp"

#include "system/apparmor.hpp"

namespace gantry::system {

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  try {
    return read_file(file);
  } catch (const Error&) {
    return {};
  }
}

// os-release(5): NAME=value, possibly quoted.
std::string os_release(const std::string& content, std::string_view name) {
  std::istringstream lines{content};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != '=') continue;
    std::string value = line.substr(name.size() + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'')) value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

std::string go_name(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine == "i686") return "386";
  if (machine.starts_with("armv")) return "arm";
  return machine;
}

bool is_cgroup2(const char* path) {
  struct statfs status {};
  return ::statfs(path, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

void read_controllers(Host& host) {
  const fs::path root{"/sys/fs/cgroup"};
  host.cgroup_version = is_cgroup2(root.c_str()) ? 2 : 1;
  if (host.cgroup_version == 2) {
    const std::string controllers = " " + text_of(root / "cgroup.controllers");
    host.memory_limit = host.swap_limit = controllers.find(" memory") != std::string::npos;
    host.cpu_limit = controllers.find(" cpu ") != std::string::npos || controllers.ends_with(" cpu\n");
    host.cpuset = controllers.find(" cpuset") != std::string::npos;
    host.pids_limit = controllers.find(" pids") != std::string::npos;
    return;
  }
  host.memory_limit = fs::exists(root / "memory/memory.limit_in_bytes");
  host.swap_limit = fs::exists(root / "memory/memory.memsw.limit_in_bytes");
  host.cpu_limit = fs::exists(root / "cpu/cpu.cfs_quota_us");
  host.cpuset = fs::exists(root / "cpuset/cpuset.cpus");
  host.pids_limit = fs::exists(root / "pids");
}

int count_entries(const char* folder) {
  std::error_code ignored;
  return static_cast<int>(std::distance(fs::directory_iterator{folder, ignored}, fs::directory_iterator{}));
}

}  // namespace

Host read_host() {
  Host host;
  utsname kernel{};
  ::uname(&kernel);
  host.name = kernel.nodename;
  host.kernel = kernel.release;
  host.architecture = kernel.machine;
  host.go_architecture = go_name(host.architecture);
  std::string release = text_of("/etc/os-release");
  if (release.empty()) release = text_of("/usr/lib/os-release");
  host.operating_system = os_release(release, "PRETTY_NAME");
  if (host.operating_system.empty()) host.operating_system = "Linux";
  host.os_version = os_release(release, "VERSION_ID");
  host.cpus = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  struct sysinfo memory {};
  ::sysinfo(&memory);
  host.memory = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;
  read_controllers(host);
  host.seccomp = fs::exists("/proc/sys/kernel/seccomp");
  host.apparmor = has_apparmor();
  return host;
}

bool forwards_ipv4() { return text_of("/proc/sys/net/ipv4/ip_forward").starts_with('1'); }

int open_files() { return count_entries("/proc/self/fd"); }

int threads() { return count_entries("/proc/self/task"); }

}  // namespace gantry::system
