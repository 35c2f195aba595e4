#include "bundle.hpp"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "bundle_linux.hpp"
#include "container_shim/protocol.hpp"
#include "process_document.hpp"

namespace gantry::oci {

namespace {

using Json = nlohmann::json;
using container_shim::Plan;
using container_shim::PlanMount;
using runtime::v1::Spec;

constexpr const char* kInitTarget = "/sbin/docker-init";

bool is_for_the_runtime(const std::string& option) {
  return option == kIdMapOption || option == kHostIdsOption || option == kNoLinksOption ||
         option.starts_with(kSubpathOption) || option.starts_with(kMountNamespaceOption);
}

bool is_bind_option(const std::string& option) { return option == "bind" || option == "rbind"; }

/// Whether it is more than mount(2) with a string of options. crun makes all binds recursive. In a user namespace the
/// sources of binds are out of reach, by their ids and their paths.
bool needs_preparation(const PlanMount& mount, bool remapped) {
  return (remapped && needs_host_root(mount)) || !mount.space.empty() || !mount.subpath.empty() ||
         !mount.base.empty() || (mount.bind && !mount.recursive);
}

/// A filesystem's own options are used up when it is mounted; what a bind can have stays.
bool fits_bind(const std::string& option) { return option.find('=') == std::string::npos; }

/// Of options that contradict each other the last one holds; runtimes differ in that.
std::vector<std::string> without_contradictions(const std::vector<std::string>& options) {
  static const std::map<std::string, std::string> opposites = {
      {"ro", "rw"},         {"suid", "nosuid"}, {"dev", "nodev"},          {"exec", "noexec"},
      {"atime", "noatime"}, {"sync", "async"},  {"diratime", "nodiratime"}};
  std::set<std::string> said;
  std::vector<std::string> out;
  for (auto option = options.rbegin(); option != options.rend(); ++option) {
    std::string subject = *option;
    for (const auto& [one, other] : opposites) {
      if (subject == other) subject = one;
    }
    if (said.insert(subject).second) out.insert(out.begin(), *option);
  }
  return out;
}

std::filesystem::path source_of(const PlanMount& mount) {
  const std::filesystem::path source(mount.source);
  return mount.subpath.empty() ? source : source / mount.subpath;
}

/// crun cannot make what is no directory recursively read-only, and needs not.
bool is_file(const PlanMount& mount) {
  if (!mount.bind || !mount.space.empty()) return false;
  std::error_code unknown;
  const auto facts = std::filesystem::status(source_of(mount), unknown);
  return std::filesystem::exists(facts) && !std::filesystem::is_directory(facts);
}

/// What the host does not allow where a bind's source is: crun sets the flags that it is told, and takes the others
/// away.
std::vector<std::string> restrictions(const PlanMount& mount) {
  struct statvfs facts {};
  const bool kept = !mount.bind || (mount.flags | mount.attributes) == 0 || !mount.space.empty();
  if (kept || ::statvfs(source_of(mount).c_str(), &facts) != 0) return {};
  std::vector<std::string> found;
  for (const auto& [flag, option] : {std::pair(ST_RDONLY, "ro"), std::pair(ST_NOSUID, "nosuid"),
                                     std::pair(ST_NODEV, "nodev"), std::pair(ST_NOEXEC, "noexec")}) {
    if ((facts.f_flag & flag) != 0) found.emplace_back(option);
  }
  return found;
}

Json mount_entry(const Mount& mount, const PlanMount& plan, const std::string& prepared) {
  Json options = Json::array();
  const bool bind = plan.bind || !prepared.empty();
  bool is_told = false;
  std::vector<std::string> all = mount.options;
  for (const std::string& option : restrictions(plan)) all.push_back(option);
  for (const std::string& option : without_contradictions(all)) {
    if (is_for_the_runtime(option) || (!prepared.empty() && !fits_bind(option))) continue;
    is_told = is_told || is_bind_option(option);
    options.push_back(option == "rro" && is_file(plan) ? "ro" : option);
  }
  if (bind && !is_told) options.push_back("bind");
  Json entry{{"destination", mount.target}, {"type", bind ? "bind" : mount.type}, {"options", options}};
  entry["source"] = !prepared.empty() ? prepared : mount.source.empty() ? mount.type : mount.source;
  return entry;
}

/// As the shim mounts it: with what the runtime cannot give it by a bind of that.
PlanMount prepared_mount(PlanMount mount, bool remapped) {
  constexpr std::uint64_t kept = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME |
                                 MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW;
  // crun 1.8 forgets them in a user namespace. Read-only is the runtime's: targets of other mounts may be in there.
  mount.attributes = remapped ? mount.attributes & kept : 0;
  if (!remapped) mount.cleared = 0;
  mount.attributes_recursive = false;
  // What the host mounts there is to reach the runtime's copy, but nothing comes back.
  const bool follows = remapped && (mount.propagation & (MS_SLAVE | MS_SHARED)) != 0;
  mount.propagation = follows ? MS_SLAVE : 0;
  return mount;
}

/// "mounts" of a bundle's config.json, and what the shim has to mount for them.
class Mounts {
 public:
  Mounts(const Plan& plan, const BundlePlace& place) : place_(place), remapped_(is_remapped(plan)) {}

  void add(const Mount& mount, const PlanMount& plan) {
    if (!needs_preparation(plan, remapped_)) {
      entries.push_back(mount_entry(mount, plan, ""));
    } else if (remapped_ && plan.bind && plan.recursive && plan.space.empty() && plan.subpath.empty()) {
      add_tree(mount, plan);
    } else {
      add_prepared(mount, plan);
    }
  }

  void add_init() {
    Mount mount{"bind", place_.init, kInitTarget, "", {"bind", "ro", "rprivate"}};
    PlanMount plan;
    plan.type = "bind";
    plan.source = place_.init;
    plan.target = kInitTarget;
    plan.bind = plan.recursive = true;
    add(mount, plan);
  }

  /// Those outside of /dev, which are not the container's root's to make; the others come with /dev.
  void add_nodes(const std::vector<container_shim::PlanDevice>& devices) {
    std::size_t count = 0;
    for (const auto& device : devices) {
      if (!remapped_ || is_in_dev(device)) continue;
      entries.push_back({{"destination", device.path},
                         {"type", "bind"},
                         {"source", container_shim::oci_node(place_.directory, count++)},
                         {"options", {"bind", "rprivate"}}});
    }
  }

  Json entries = Json::array();
  std::vector<PlanMount> prepared;

 private:
  void add_prepared(const Mount& mount, const PlanMount& plan) {
    entries.push_back(mount_entry(mount, plan, container_shim::oci_mount(place_.directory, prepared.size())));
    prepared.push_back(prepared_mount(plan, remapped_));
  }

  /// crun 1.8 binds without what is mounted below where there is a user namespace: each mount comes by itself.
  void add_tree(Mount mount, PlanMount plan) {
    std::replace(mount.options.begin(), mount.options.end(), std::string("rbind"), std::string("bind"));
    plan.recursive = false;
    const std::string target = plan.target;
    add_prepared(mount, plan);
    if (!plan.attributes_recursive) {
      std::erase(mount.options, "ro");
      plan.flags &= ~std::uint64_t{MS_RDONLY};
    }
    for (const std::string& below : place_.submounts(plan.source)) {
      // Below the source, and not by its own path: a container may have exchanged a directory for a link meanwhile.
      plan.subpath = below;
      plan.target = mount.target = target + "/" + below;
      add_prepared(mount, plan);
      prepared.back().submount = "," + to_text(entries.back());
    }
  }

  const BundlePlace& place_;
  bool remapped_;
};

bool makes_namespace(const Spec& spec, const std::string& kind) {
  return std::any_of(spec.namespaces.begin(), spec.namespaces.end(),
                     [&](const auto& space) { return space.kind == kind && space.path.empty(); });
}

std::vector<std::string> arguments(const Spec& spec, const BundlePlace& place) {
  std::vector<std::string> args = spec.process.args;
  if (!place.init.empty()) args.insert(args.begin(), {kInitTarget, "--"});
  return args;
}

}  // namespace

Bundle make_bundle(const Spec& spec, const Plan& plan, const BundlePlace& place) {
  Bundle out;
  Mounts mounts(plan, place);
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) mounts.add(spec.mounts[i], plan.mounts[i]);
  if (!place.init.empty()) mounts.add_init();
  mounts.add_nodes(plan.devices);
  out.prepared = std::move(mounts.prepared);
  Json rest{
      {"ociVersion", "1.0.2"},
      {"root", {{"path", place.directory + "/" + container_shim::kRootDirectory}, {"readonly", spec.readonly_root}}},
      {"mounts", std::move(mounts.entries)},
      {"linux", linux_section(spec, plan, place.cgroup_parent)}};
  const bool remapped = is_remapped(plan);
  if (makes_namespace(spec, "uts")) {
    if (!spec.hostname.empty()) rest["hostname"] = spec.hostname;
    // Its own member is younger than the runtimes that there are; as dockerd has it.
    if (!spec.domainname.empty() && !remapped) rest["linux"]["sysctl"]["kernel.domainname"] = spec.domainname;
    if (!spec.domainname.empty() && remapped) out.late_sysctls.push_back({"kernel/domainname", spec.domainname, false});
  }
  for (const auto& write : plan.sysctls) {
    std::string name = write.file;
    std::replace(name.begin(), name.end(), '/', '.');
    if (is_late_sysctl(name, remapped)) out.late_sysctls.push_back(write);
  }
  out.config = process_document(spec.process, plan.process, arguments(spec, place));
  out.config.head.insert(0, "{\"process\":");
  const std::string others = to_text(rest);
  out.config.tail += "," + others.substr(1);
  return out;
}

}  // namespace gantry::oci
