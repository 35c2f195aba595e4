#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include "containers/spec.hpp"
#include "gantry/error.hpp"
#include "system/apparmor.hpp"

namespace gantry::containers {

namespace {

// By number, as in linux/capability.h.
constexpr std::array<const char*, 41> kCapabilities{"CAP_CHOWN",
                                                    "CAP_DAC_OVERRIDE",
                                                    "CAP_DAC_READ_SEARCH",
                                                    "CAP_FOWNER",
                                                    "CAP_FSETID",
                                                    "CAP_KILL",
                                                    "CAP_SETGID",
                                                    "CAP_SETUID",
                                                    "CAP_SETPCAP",
                                                    "CAP_LINUX_IMMUTABLE",
                                                    "CAP_NET_BIND_SERVICE",
                                                    "CAP_NET_BROADCAST",
                                                    "CAP_NET_ADMIN",
                                                    "CAP_NET_RAW",
                                                    "CAP_IPC_LOCK",
                                                    "CAP_IPC_OWNER",
                                                    "CAP_SYS_MODULE",
                                                    "CAP_SYS_RAWIO",
                                                    "CAP_SYS_CHROOT",
                                                    "CAP_SYS_PTRACE",
                                                    "CAP_SYS_PACCT",
                                                    "CAP_SYS_ADMIN",
                                                    "CAP_SYS_BOOT",
                                                    "CAP_SYS_NICE",
                                                    "CAP_SYS_RESOURCE",
                                                    "CAP_SYS_TIME",
                                                    "CAP_SYS_TTY_CONFIG",
                                                    "CAP_MKNOD",
                                                    "CAP_LEASE",
                                                    "CAP_AUDIT_WRITE",
                                                    "CAP_AUDIT_CONTROL",
                                                    "CAP_SETFCAP",
                                                    "CAP_MAC_OVERRIDE",
                                                    "CAP_MAC_ADMIN",
                                                    "CAP_SYSLOG",
                                                    "CAP_WAKE_ALARM",
                                                    "CAP_BLOCK_SUSPEND",
                                                    "CAP_AUDIT_READ",
                                                    "CAP_PERFMON",
                                                    "CAP_BPF",
                                                    "CAP_CHECKPOINT_RESTORE"};

constexpr std::array<const char*, 14> kDefaults{
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

// What this kernel has: asking for more fails.
std::vector<std::string> known_capabilities() {
  std::size_t last = kCapabilities.size() - 1;
  std::ifstream("/proc/sys/kernel/cap_last_cap") >> last;
  last = std::min(last, kCapabilities.size() - 1);
  return {kCapabilities.begin(), kCapabilities.begin() + static_cast<std::ptrdiff_t>(last) + 1};
}

struct Asked {
  std::set<std::string> names;
  bool all{};
};

Asked normalize(const std::vector<std::string>& names, const char* option) {
  Asked asked;
  for (const std::string& given : names) {
    std::string name;
    for (const char c : given) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    if (name == "ALL") {
      asked.all = true;
      continue;
    }
    if (!name.starts_with("CAP_")) name = "CAP_" + name;
    if (std::find(kCapabilities.begin(), kCapabilities.end(), name) == kCapabilities.end()) {
      throw Error{Errc::invalid, std::string("invalid ") + option + ": unknown capability: \"" + name + "\""};
    }
    asked.names.insert(name);
  }
  return asked;
}

bool takes_word(const std::string& option, std::string_view word, std::string& value) {
  if (!option.starts_with(word) || option.size() <= word.size()) return false;
  const char separator = option[word.size()];
  if (separator != '=' && separator != ':') return false;
  value = option.substr(word.size() + 1);
  return true;
}

void make_cgroups_writable(std::vector<Mount>& mounts) {
  for (Mount& mount : mounts) {
    if (mount.type == "cgroup")
      std::replace(mount.options.begin(), mount.options.end(), std::string("ro"), std::string("rw"));
  }
}

}  // namespace

std::vector<std::string> build_capabilities(const wire::HostConfig& host) {
  const Asked add = normalize(host.cap_add, "CapAdd");
  const Asked drop = normalize(host.cap_drop, "CapDrop");
  const std::vector<std::string> known = known_capabilities();
  if (host.privileged) return known;
  std::set<std::string> chosen;
  if (add.all)
    chosen.insert(known.begin(), known.end());
  else if (!drop.all)
    chosen.insert(kDefaults.begin(), kDefaults.end());
  if (!add.all || !drop.all) {
    for (const std::string& name : drop.names) chosen.erase(name);
  }
  chosen.insert(add.names.begin(), add.names.end());
  std::vector<std::string> ordered;
  for (const std::string& name : known) {
    if (chosen.contains(name)) ordered.push_back(name);
  }
  return ordered;
}

std::string apparmor_profile(const wire::HostConfig& host, const Settings& settings) {
  if (!settings.apparmor) return {};
  std::string profile{host.privileged ? "unconfined" : system::kDefaultAppArmorProfile};
  for (const std::string& option : host.security_opt) takes_word(option, "apparmor", profile);
  return profile;
}

void build_security(const wire::HostConfig& host, const Settings& settings, runtime::v1::Spec& spec) {
  spec.masked_paths = host.masked_paths.value_or(std::vector<std::string>{});
  spec.readonly_paths = host.readonly_paths.value_or(std::vector<std::string>{});
  spec.process.no_new_privileges = settings.no_new_privileges;
  spec.process.apparmor_profile = apparmor_profile(host, settings);
  spec.seccomp = host.privileged ? "unconfined" : settings.seccomp_profile;
  for (const std::string& option : host.security_opt) {
    std::string value;
    if (option == "no-new-privileges") {
      spec.process.no_new_privileges = true;
    } else if (takes_word(option, "no-new-privileges", value)) {
      if (value != "true" && value != "false")
        throw Error{Errc::invalid, "invalid --security-opt 2: \"" + option + "\""};
      spec.process.no_new_privileges = value == "true";
    } else if (takes_word(option, "seccomp", value)) {
      // The built-in profile is not for those who may do everything, as in dockerd; one of the user's is.
      if (value == "builtin") value = host.privileged ? "unconfined" : "";
      spec.seccomp = value;
    } else if (takes_word(option, "apparmor", value)) {
      continue;
    } else if (takes_word(option, "label", value) || option == "disable") {
      continue;  // as dockerd without --selinux-enabled
    } else if (takes_word(option, "writable-cgroups", value)) {
      if (value != "true" && value != "false") {
        throw Error{Errc::invalid, "invalid --security-opt 2: \"" + option + "\""};
      }
      if (value == "true") make_cgroups_writable(spec.mounts);
    } else if (option == "systempaths=unconfined") {
      spec.masked_paths.clear();
      spec.readonly_paths.clear();
    } else {
      // As dockerd counts: 1 is a word alone, 2 a word with a value.
      const std::string which = option.find_first_of("=:") == std::string::npos ? "1" : "2";
      throw Error{Errc::invalid, "invalid --security-opt " + which + ": \"" + option + "\""};
    }
  }
}

}  // namespace gantry::containers
