#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "container_shim/encoding.hpp"

/// What the shim gets instead of a specification: everything that can be looked up, translated or compiled is done in
/// the daemon, so that the shim parses little.
namespace gantry::container_shim {

struct PlanMount {
  std::string type;
  std::string source;
  std::string target;
  std::string base;
  std::string space;    ///< Of a bind: the mount namespace that has its source; empty: the host's.
  std::string subpath;  ///< Of a bind: what below its source is shown; no link leads out of that.
  /// Of what is mounted below another bind's source, at `subpath`: the text of its bind in an OCI runtime's
  /// config.json, which is taken out if it has gone meanwhile, or if the container's root cannot get there.
  std::string submount;
  bool bind{};
  bool no_links{};             ///< Of a bind: none leads to its source.
  bool idmap{};                ///< What it shows on disk has the container's ids.
  bool recursive{};            ///< Of a bind: with what is mounted below its source.
  std::uint64_t flags{};       ///< MS_* for mount(2).
  std::uint64_t attributes{};  ///< MOUNT_ATTR_* to set on a bind.
  std::uint64_t cleared{};     ///< MOUNT_ATTR_* to take away from it first: MOUNT_ATTR__ATIME, where one is named.
  bool attributes_recursive{};
  std::uint64_t propagation{};  ///< MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE, perhaps with MS_REC; 0: private.
  std::string data;             ///< For the filesystem.
};

template <class Archive>
void fields(Archive& archive, PlanMount& m) {
  archive(m.type, m.source, m.target, m.base, m.space, m.subpath, m.submount, m.bind, m.no_links, m.idmap, m.recursive,
          m.flags, m.attributes, m.cleared, m.attributes_recursive, m.propagation, m.data);
}

struct PlanRlimit {
  std::int32_t resource{};
  std::uint64_t soft{};
  std::uint64_t hard{};
};

template <class Archive>
void fields(Archive& archive, PlanRlimit& r) {
  archive(r.resource, r.soft, r.hard);
}

struct PlanProcess {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  std::string user;
  std::vector<std::string> groups;
  bool terminal{};
  std::uint16_t rows{};
  std::uint16_t columns{};
  std::uint64_t capabilities{};
  std::uint64_t ambient{};
  bool no_new_privileges{};
  std::vector<PlanRlimit> rlimits;
  std::optional<std::int32_t> oom_score_adj;
  std::string apparmor_profile;
  std::string selinux_label;
};

template <class Archive>
void fields(Archive& archive, PlanProcess& p) {
  archive(p.args, p.env, p.cwd, p.user, p.groups, p.terminal, p.rows, p.columns, p.capabilities, p.ambient,
          p.no_new_privileges, p.rlimits, p.oom_score_adj, p.apparmor_profile, p.selinux_label);
}

struct PlanWrite {
  std::string file;
  std::string value;
  bool optional{};  ///< A kernel without this file still runs the container.
};

template <class Archive>
void fields(Archive& archive, PlanWrite& w) {
  archive(w.file, w.value, w.optional);
}

/// One directory of the container's cgroup: with v1 one for each hierarchy.
struct PlanCgroup {
  std::string directory;
  std::string name;                  ///< As it appears in the container's /sys/fs/cgroup: "memory", "cpu,cpuacct".
  std::vector<std::string> aliases;  ///< Symlinks to it: "cpu".
  bool unified{};
  std::vector<PlanWrite> writes;
  std::string device_program;  ///< eBPF instructions for BPF_CGROUP_DEVICE; empty: none.
  std::uint32_t owner{};       ///< The user, as the host sees it, who may divide it further.
};

template <class Archive>
void fields(Archive& archive, PlanCgroup& c) {
  archive(c.directory, c.name, c.aliases, c.unified, c.writes, c.device_program, c.owner);
}

struct PlanDevice {
  std::string path;
  std::uint32_t mode{};  ///< With S_IFCHR or S_IFBLK.
  std::uint32_t major{};
  std::uint32_t minor{};
  std::uint32_t uid{};
  std::uint32_t gid{};
};

template <class Archive>
void fields(Archive& archive, PlanDevice& d) {
  archive(d.path, d.mode, d.major, d.minor, d.uid, d.gid);
}

struct PlanNamespace {
  std::uint64_t flag{};  ///< CLONE_NEW*.
  std::string path;      ///< Of one to join.
};

template <class Archive>
void fields(Archive& archive, PlanNamespace& n) {
  archive(n.flag, n.path);
}

struct PlanStdio {
  bool open_stdin{};
  bool stdin_once{};
  bool attach_stdout{true};
  bool attach_stderr{true};
};

template <class Archive>
void fields(Archive& archive, PlanStdio& s) {
  archive(s.open_stdin, s.stdin_once, s.attach_stdout, s.attach_stderr);
}

enum class LogFormat : std::uint8_t { none, json_file, local, process };

/// gantry::log::v1::Plan, for the shim.
struct PlanLog {
  LogFormat format{};
  std::string path;
  std::uint64_t max_size{};
  std::uint32_t max_files{1};
  std::string attributes;
  std::vector<std::string> compressor;  ///< Empty: rotated files stay as they are.
  std::vector<std::string> command;
  std::string head;
  bool non_blocking{};
  std::uint64_t max_buffer_size{};
};

template <class Archive>
void fields(Archive& archive, PlanLog& l) {
  archive(l.format, l.path, l.max_size, l.max_files, l.attributes, l.compressor, l.command, l.head, l.non_blocking,
          l.max_buffer_size);
}

/// A JSON document for an OCI runtime, in the parts around what only the container's own files tell: after `head` HOME,
/// if it is wanted, then `middle`, the rights of root or of other users, user and groups, and `tail`.
struct PlanDocument {
  std::string head;
  bool wants_home{};
  std::string middle;
  std::string root_rights;
  std::string user_rights;
  std::string tail;
};

template <class Archive>
void fields(Archive& archive, PlanDocument& d) {
  archive(d.head, d.wants_home, d.middle, d.root_rights, d.user_rights, d.tail);
}

/// For a container that an OCI runtime makes. Then `Plan::mounts` are those that it cannot do, on paths of the host's,
/// and `Plan::sysctls` those of interfaces.
struct PlanOci {
  std::vector<std::string> command;  ///< The runtime with its global arguments.
  PlanDocument config;               ///< config.json
  std::vector<std::string> hidden;   ///< Mounts of the host's that it must not see.
  std::string program;               ///< The command, if the root itself has it; empty: don't look.
  std::uint32_t time_limit{};        ///< Seconds for each run of the runtime; 0: none.
};

template <class Archive>
void fields(Archive& archive, PlanOci& o) {
  archive(o.command, o.config, o.hidden, o.program, o.time_limit);
}

enum class InitKind : std::uint8_t { none, builtin, program };

struct Plan {
  std::string id;
  std::string directory;  ///< The shim's: socket, records, the mount point of the root.
  std::vector<PlanMount> root;
  bool readonly_root{};
  std::vector<PlanMount> mounts;
  PlanProcess process;
  PlanStdio stdio;
  PlanLog log;
  std::string hostname;
  std::string domainname;
  std::uint64_t new_namespaces{};  ///< CLONE_NEW*, together.
  std::vector<PlanNamespace> joined_namespaces;
  std::string uid_map;  ///< As /proc/<pid>/uid_map takes it.
  std::string gid_map;
  std::uint32_t root_uid{};  ///< Outside, of the root of its user namespace.
  std::uint32_t root_gid{};
  std::vector<PlanCgroup> cgroups;
  std::vector<PlanDevice> devices;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::vector<PlanWrite> sysctls;  ///< Files below /proc/sys.
  std::string seccomp;             ///< BPF instructions; empty: none.
  InitKind init{};
  std::optional<PlanOci> oci;
};

template <class Archive>
void fields(Archive& archive, Plan& p) {
  archive(p.id, p.directory, p.root, p.readonly_root, p.mounts, p.process, p.stdio, p.log, p.hostname, p.domainname,
          p.new_namespaces, p.joined_namespaces, p.uid_map, p.gid_map, p.root_uid, p.root_gid, p.cgroups, p.devices,
          p.masked_paths, p.readonly_paths, p.sysctls, p.seccomp, p.init, p.oci);
}

/// Whether the container joins a namespace of the kind (CLONE_NEW*).
inline bool joins(const Plan& plan, std::uint64_t flag) {
  for (const PlanNamespace& space : plan.joined_namespaces) {
    if (space.flag == flag) return true;
  }
  return false;
}

/// Whether its root is another one than the host's.
inline bool is_remapped(const Plan& plan) {
  constexpr std::uint64_t user = 0x10000000;  // CLONE_NEWUSER
  return (plan.new_namespaces & user) != 0 || joins(plan, user);
}

/// Whether it is the container's own /dev, in which the device nodes are.
inline bool is_own_dev(const PlanMount& mount) { return mount.target == "/dev" && mount.type == "tmpfs"; }

/// Whether a user namespace's own root cannot make the mount; the others it should own.
inline bool needs_host_root(const PlanMount& mount) {
  if (mount.bind || is_own_dev(mount)) return true;
  for (const char* own : {"tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2"}) {
    if (mount.type == own) return false;
  }
  return true;
}

/// Whether the node comes with the tmpfs of /dev.
inline bool is_in_dev(const PlanDevice& device) { return device.path.starts_with("/dev/"); }

struct ExecPlan {
  PlanProcess process;
  PlanStdio stdio;
  PlanDocument document;  ///< For an OCI runtime.
};

template <class Archive>
void fields(Archive& archive, ExecPlan& p) {
  archive(p.process, p.stdio, p.document);
}

}  // namespace gantry::container_shim
