#include "container_shim/capabilities.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>

#include <optional>

#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

/// In the order of linux/capability.h, without "CAP_".
constexpr std::string_view kNames[] = {"CHOWN",
                                       "DAC_OVERRIDE",
                                       "DAC_READ_SEARCH",
                                       "FOWNER",
                                       "FSETID",
                                       "KILL",
                                       "SETGID",
                                       "SETUID",
                                       "SETPCAP",
                                       "LINUX_IMMUTABLE",
                                       "NET_BIND_SERVICE",
                                       "NET_BROADCAST",
                                       "NET_ADMIN",
                                       "NET_RAW",
                                       "IPC_LOCK",
                                       "IPC_OWNER",
                                       "SYS_MODULE",
                                       "SYS_RAWIO",
                                       "SYS_CHROOT",
                                       "SYS_PTRACE",
                                       "SYS_PACCT",
                                       "SYS_ADMIN",
                                       "SYS_BOOT",
                                       "SYS_NICE",
                                       "SYS_RESOURCE",
                                       "SYS_TIME",
                                       "SYS_TTY_CONFIG",
                                       "MKNOD",
                                       "LEASE",
                                       "AUDIT_WRITE",
                                       "AUDIT_CONTROL",
                                       "SETFCAP",
                                       "MAC_OVERRIDE",
                                       "MAC_ADMIN",
                                       "SYSLOG",
                                       "WAKE_ALARM",
                                       "BLOCK_SUSPEND",
                                       "AUDIT_READ",
                                       "PERFMON",
                                       "BPF",
                                       "CHECKPOINT_RESTORE"};

std::optional<unsigned> capability_number(std::string_view name) {
  if (!name.starts_with("CAP_")) return std::nullopt;
  name.remove_prefix(4);
  for (unsigned i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return i;
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t capability_set(const std::vector<std::string>& names) {
  std::uint64_t set = 0;
  for (const std::string& name : names) {
    const auto number = capability_number(name);
    if (!number) throw Error{Errc::invalid, "unknown capability \"" + name + "\""};
    set |= std::uint64_t{1} << *number;
  }
  return set;
}

bool has_capability(std::uint64_t set, std::string_view name) {
  const auto number = capability_number(name);
  return number && (set >> *number & 1U) != 0;
}

std::uint64_t bounding_capabilities() {
  std::uint64_t set = 0;
  for (unsigned i = 0; i < std::size(kNames); ++i) {
    if (::prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) set |= std::uint64_t{1} << i;
  }
  return set;
}

std::vector<std::string> capability_names(std::uint64_t set) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < std::size(kNames); ++i) {
    if ((set >> i & 1U) != 0) names.push_back("CAP_" + std::string(kNames[i]));
  }
  return names;
}

std::uint64_t all_capabilities() { return (std::uint64_t{1} << std::size(kNames)) - 1; }

}  // namespace gantry::container_shim
