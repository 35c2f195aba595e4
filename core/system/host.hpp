#pragma once

#include <cstdint>
#include <string>

/// What this host is: read from the kernel and from /etc/os-release.
namespace gantry::system {

struct Host {
  std::string name;
  std::string kernel;
  std::string architecture;      ///< As uname has it: "x86_64".
  std::string go_architecture;   ///< As Docker's versions have it: "amd64".
  std::string operating_system;  ///< "Debian GNU/Linux 12 (bookworm)".
  std::string os_version;        ///< "12".
  int cpus{};
  std::int64_t memory{};
  int cgroup_version{};
  bool memory_limit{};
  bool swap_limit{};
  bool cpu_limit{};
  bool cpuset{};
  bool pids_limit{};
  bool seccomp{};
  bool apparmor{};
};

Host read_host();

/// Whether the kernel forwards IPv4 packets now.
bool forwards_ipv4();

/// This process's.
int open_files();
int threads();

}  // namespace gantry::system
