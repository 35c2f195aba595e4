#include "bundle.hpp"

#include <algorithm>
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
  return option == kIdMapOption || option == kHostIdsOption || option.starts_with(kSubpathOption) ||
         option.starts_with(kMountNamespaceOption);
}

bool is_bind_option(const std::string& option) { return option == "bind" || option == "rbind"; }

/// Whether it is more than mount(2) with a string of options. crun makes all binds recursive.
bool needs_preparation(const PlanMount& mount) {
  return !mount.space.empty() || !mount.subpath.empty() || !mount.base.empty() || (mount.bind && !mount.recursive);
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

Json mount_entry(const Mount& mount, const PlanMount& plan, const std::string& prepared) {
  Json options = Json::array();
  const bool bind = plan.bind || !prepared.empty();
  bool is_told = false;
  for (const std::string& option : without_contradictions(mount.options)) {
    if (is_for_the_runtime(option) || (!prepared.empty() && !fits_bind(option))) continue;
    is_told = is_told || is_bind_option(option);
    options.push_back(option);
  }
  if (bind && !is_told) options.push_back("bind");
  Json entry{{"destination", mount.target}, {"type", bind ? "bind" : mount.type}, {"options", options}};
  entry["source"] = !prepared.empty() ? prepared : mount.source.empty() ? mount.type : mount.source;
  return entry;
}

Json mounts(const Spec& spec, const Plan& plan, const BundlePlace& place, std::vector<PlanMount>& prepared) {
  Json out = Json::array();
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    std::string at;
    if (needs_preparation(plan.mounts[i])) {
      at = place.directory + "/" + container_shim::kOciMountsDirectory + "/" + std::to_string(i);
      prepared.push_back(plan.mounts[i]);
      prepared.back().target = at;
      prepared.back().propagation = 0;
      prepared.back().attributes = 0;
    }
    out.push_back(mount_entry(spec.mounts[i], plan.mounts[i], at));
  }
  if (!place.init.empty()) {
    out.push_back({{"destination", kInitTarget},
                   {"type", "bind"},
                   {"source", place.init},
                   {"options", {"bind", "ro", "rprivate"}}});
  }
  return out;
}

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
  Json rest{
      {"ociVersion", "1.0.2"},
      {"root", {{"path", place.directory + "/" + container_shim::kRootDirectory}, {"readonly", spec.readonly_root}}},
      {"mounts", mounts(spec, plan, place, out.prepared)},
      {"linux", linux_section(spec, plan, place.cgroup_parent)}};
  if (makes_namespace(spec, "uts")) {
    if (!spec.hostname.empty()) rest["hostname"] = spec.hostname;
    // Its own member is younger than the runtimes that there are; as dockerd has it.
    if (!spec.domainname.empty()) rest["linux"]["sysctl"]["kernel.domainname"] = spec.domainname;
  }
  for (const auto& write : plan.sysctls) {
    std::string name = write.file;
    std::replace(name.begin(), name.end(), '/', '.');
    if (is_of_interface(name)) out.late_sysctls.push_back(write);
  }
  out.config = process_document(spec.process, plan.process, arguments(spec, place));
  out.config.head.insert(0, "{\"process\":");
  const std::string others = to_text(rest);
  out.config.tail += "," + others.substr(1);
  return out;
}

}  // namespace gantry::oci
