#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/runtime.hpp"

namespace gantry::container_shim {

/// One mounted cgroup hierarchy.
struct Hierarchy {
  std::string mount;
  std::string name;                      ///< Last part of the mount point: "memory", "cpu,cpuacct", "unified".
  std::vector<std::string> controllers;  ///< Empty for a named one.
  bool unified{};                        ///< v2.

  [[nodiscard]] bool has(std::string_view controller) const;
};

/// The host's hierarchies: v1 only, v2 only, or some of both.
struct CgroupLayout {
  std::vector<Hierarchy> hierarchies;

  /// The one that a controller is on, or nullptr.
  [[nodiscard]] const Hierarchy* of(std::string_view controller) const;
  [[nodiscard]] bool has_v1() const;
};

/// Reads /proc/self/mountinfo's text. `unified_controllers`: what cgroup.controllers of v2's root says.
CgroupLayout parse_cgroup_layout(const std::string& mountinfo, const std::string& unified_controllers);

CgroupLayout find_cgroup_layout();

/// "gantry" or "/a/b" as relative path. Errors: invalid for what leads out.
std::string normalize_cgroup_parent(const std::string& parent);

/// Makes the parent in each hierarchy and lets its children have all controllers. Idempotent.
void ensure_cgroup_parent(const CgroupLayout& layout, const std::string& parent);

/// The directories of a container with what is to be written into them.
std::vector<PlanCgroup> plan_cgroups(const CgroupLayout& layout, const std::string& parent, const std::string& id,
                                     const runtime::v1::Resources& resources,
                                     const std::vector<runtime::v1::DeviceRule>& rules);

/// "8:0" of a device node. Errors: invalid.
std::string device_number(const std::string& path);

}  // namespace gantry::container_shim
