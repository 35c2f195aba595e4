#include "base/mount_options.hpp"

#include <sys/mount.h>

#include <array>
#include <string_view>

#include "gantry/mount.hpp"

namespace gantry {
namespace {

struct Flag {
  std::string_view name;
  unsigned long set;
  unsigned long clear;
};

constexpr std::array kFlags{
    Flag{"defaults", 0, 0},
    Flag{"ro", MS_RDONLY, 0},
    Flag{"rw", 0, MS_RDONLY},
    Flag{"nosuid", MS_NOSUID, 0},
    Flag{"suid", 0, MS_NOSUID},
    Flag{"nodev", MS_NODEV, 0},
    Flag{"dev", 0, MS_NODEV},
    Flag{"noexec", MS_NOEXEC, 0},
    Flag{"exec", 0, MS_NOEXEC},
    Flag{"sync", MS_SYNCHRONOUS, 0},
    Flag{"async", 0, MS_SYNCHRONOUS},
    Flag{"dirsync", MS_DIRSYNC, 0},
    Flag{"noatime", MS_NOATIME, 0},
    Flag{"atime", 0, MS_NOATIME},
    Flag{"nodiratime", MS_NODIRATIME, 0},
    Flag{"diratime", 0, MS_NODIRATIME},
    Flag{"relatime", MS_RELATIME, 0},
    Flag{"strictatime", MS_STRICTATIME, 0},
    Flag{"bind", MS_BIND, 0},
    Flag{"rbind", MS_BIND | MS_REC, 0},
};

struct Propagation {
  std::string_view name;
  unsigned long flags;
};

constexpr std::array kPropagations{
    Propagation{"private", MS_PRIVATE},       Propagation{"rprivate", MS_PRIVATE | MS_REC},
    Propagation{"shared", MS_SHARED},         Propagation{"rshared", MS_SHARED | MS_REC},
    Propagation{"slave", MS_SLAVE},           Propagation{"rslave", MS_SLAVE | MS_REC},
    Propagation{"unbindable", MS_UNBINDABLE}, Propagation{"runbindable", MS_UNBINDABLE | MS_REC},
};

bool take_flag(std::string_view option, MountOptions& out) {
  for (const Flag& flag : kFlags) {
    if (flag.name != option) continue;
    out.flags = (out.flags | flag.set) & ~flag.clear;
    return true;
  }
  for (const Propagation& propagation : kPropagations) {
    if (propagation.name != option) continue;
    out.propagation = propagation.flags;
    return true;
  }
  return false;
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions out;
  for (const std::string& option : options) {
    if (option.empty() || take_flag(option, out)) continue;
    if (option.starts_with(kSubpathOption)) {
      out.subpath = option.substr(kSubpathOption.size());
      continue;
    }
    if (!out.data.empty()) out.data += ',';
    out.data += option;
  }
  return out;
}

}  // namespace gantry
