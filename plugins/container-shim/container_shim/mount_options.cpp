#include "container_shim/mount_options.hpp"

#include <sys/mount.h>

#include <string_view>

#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

struct Flag {
  std::string_view name;
  std::uint64_t flag;       ///< MS_*; with `clear` taken away.
  std::uint64_t attribute;  ///< MOUNT_ATTR_*, for binds.
  bool clear;
};

constexpr Flag kFlags[] = {
    {"ro", MS_RDONLY, MOUNT_ATTR_RDONLY, false},
    {"rw", MS_RDONLY, MOUNT_ATTR_RDONLY, true},
    {"nosuid", MS_NOSUID, MOUNT_ATTR_NOSUID, false},
    {"suid", MS_NOSUID, MOUNT_ATTR_NOSUID, true},
    {"nodev", MS_NODEV, MOUNT_ATTR_NODEV, false},
    {"dev", MS_NODEV, MOUNT_ATTR_NODEV, true},
    {"noexec", MS_NOEXEC, MOUNT_ATTR_NOEXEC, false},
    {"exec", MS_NOEXEC, MOUNT_ATTR_NOEXEC, true},
    {"noatime", MS_NOATIME, MOUNT_ATTR_NOATIME, false},
    {"atime", MS_NOATIME, 0, false},
    {"atime", MS_NOATIME, MOUNT_ATTR_NOATIME, true},
    {"nodiratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, false},
    {"diratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, true},
    {"relatime", MS_RELATIME, 0, false},
    {"norelatime", MS_RELATIME, 0, true},
    {"strictatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, false},
    {"sync", MS_SYNCHRONOUS, 0, false},
    {"async", MS_SYNCHRONOUS, 0, true},
    {"dirsync", MS_DIRSYNC, 0, false},
    {"mand", MS_MANDLOCK, 0, false},
    {"nomand", MS_MANDLOCK, 0, true},
    {"nosymfollow", 256 /* MS_NOSYMFOLLOW */, MOUNT_ATTR_NOSYMFOLLOW, false},
    {"defaults", 0, 0, false},
};

struct Propagation {
  std::string_view name;
  std::uint64_t flag;
};

constexpr Propagation kPropagations[] = {{"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
                                         {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
                                         {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
                                         {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC}};

/// Whether the option was one that the kernel has a flag for.
bool apply_flag(std::string_view option, PlanMount& out) {
  for (const Flag& flag : kFlags) {
    if (flag.name != option) continue;
    // They exclude each other, and the attribute of one of them is 0.
    if ((flag.flag & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)) != 0) {
      out.attributes &= ~std::uint64_t{MOUNT_ATTR__ATIME};
      out.cleared = MOUNT_ATTR__ATIME;
    }
    out.flags = flag.clear ? out.flags & ~flag.flag : out.flags | flag.flag;
    out.attributes = flag.clear ? out.attributes & ~flag.attribute : out.attributes | flag.attribute;
    return true;
  }
  for (const Propagation& propagation : kPropagations) {
    if (propagation.name != option) continue;
    out.propagation = propagation.flag;
    return true;
  }
  if (option == "rro") {
    out.attributes |= MOUNT_ATTR_RDONLY;
    out.attributes_recursive = true;
    return true;
  }
  return false;
}

}  // namespace

PlanMount translate_mount(const Mount& mount) {
  PlanMount out;
  out.type = mount.type;
  out.source = mount.source;
  out.target = mount.target;
  out.base = mount.base;
  out.bind = mount.type == "bind";
  for (const std::string& option : mount.options) {
    if (option == "bind" || option == "rbind") {
      out.bind = true;
      out.recursive = option == "rbind";
    } else if (option == kIdMapOption) {
      out.idmap = true;
    } else if (option == kNoLinksOption) {
      out.no_links = true;
    } else if (option.starts_with(kMountNamespaceOption)) {
      out.space = option.substr(kMountNamespaceOption.size());
    } else if (option.starts_with(kSubpathOption)) {
      out.subpath = option.substr(kSubpathOption.size());
    } else if (!apply_flag(option, out)) {
      if (!out.data.empty()) out.data += ',';
      out.data += option;
    }
  }
  if (out.bind && !out.source.starts_with('/')) {
    throw Error{Errc::invalid,
                "invalid mount source \"" + out.source + "\" for " + out.target + ": must be an absolute path"};
  }
  constexpr std::size_t kMaxData = 4095;  // mount(2) takes one page
  if (out.data.size() > kMaxData) {
    throw Error{Errc::exhausted,
                "the options of the mount at \"" + out.target + "\" are longer than a page: too many layers"};
  }
  return out;
}

}  // namespace gantry::container_shim
