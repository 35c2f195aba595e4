#include "container_shim/cgroup_layout.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "container_shim/cgroup_v1.hpp"
#include "container_shim/cgroup_v2.hpp"
#include "container_shim/container_files.hpp"
#include "container_shim/device_filter.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

constexpr std::string_view kControllers[] = {"cpu",  "cpuacct", "cpuset",  "memory",     "devices",  "freezer", "blkio",
                                             "pids", "hugetlb", "net_cls", "perf_event", "net_prio", "rdma",    "misc"};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) {
    throw Error{Errc::io, "mkdir " + path + ": " + std::strerror(errno)};
  }
}

/// cpuset's files of a new directory are empty, and no process may enter then.
void inherit_cpuset(const std::string& parent, const std::string& directory) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    if (first_line(directory + file).empty()) write_file(directory + file, first_line(parent + file));
  }
}

/// Controller by controller: one that the kernel refuses must not cost the others.
void delegate_controllers(const std::string& directory) {
  const auto enabled = split(first_line(directory + "/cgroup.subtree_control"), ' ');
  for (const std::string& controller : split(first_line(directory + "/cgroup.controllers"), ' ')) {
    if (std::find(enabled.begin(), enabled.end(), controller) != enabled.end()) continue;
    write_file(directory + "/cgroup.subtree_control", "+" + controller);
  }
}

}  // namespace

bool Hierarchy::has(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

const Hierarchy* CgroupLayout::of(std::string_view controller) const {
  for (const Hierarchy& hierarchy : hierarchies) {
    if (hierarchy.has(controller)) return &hierarchy;
  }
  return nullptr;
}

bool CgroupLayout::has_v1() const {
  return std::any_of(hierarchies.begin(), hierarchies.end(), [](const Hierarchy& h) { return !h.unified; });
}

CgroupLayout parse_cgroup_layout(const std::string& mountinfo, const std::string& unified_controllers) {
  CgroupLayout layout;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto before = split(line.substr(0, dash), ' ');
    const auto after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3 || !after[0].starts_with("cgroup") || before[3] != "/") continue;
    Hierarchy hierarchy{before[4], before[4].substr(before[4].rfind('/') + 1), {}, after[0] == "cgroup2"};
    const auto& known = layout.hierarchies;
    const auto same = [&](const Hierarchy& other) {
      return other.name == hierarchy.name || (other.unified && hierarchy.unified);
    };
    if (std::any_of(known.begin(), known.end(), same)) continue;
    for (const std::string& option :
         split(hierarchy.unified ? unified_controllers : after[2], hierarchy.unified ? ' ' : ',')) {
      const bool is_controller =
          std::find(std::begin(kControllers), std::end(kControllers), option) != std::end(kControllers);
      if (is_controller || hierarchy.unified) hierarchy.controllers.push_back(option);
    }
    layout.hierarchies.push_back(std::move(hierarchy));
  }
  return layout;
}

CgroupLayout find_cgroup_layout() {
  const std::string mountinfo = read_text("/proc/self/mountinfo");
  CgroupLayout layout = parse_cgroup_layout(mountinfo, "");
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    if (hierarchy.unified) return parse_cgroup_layout(mountinfo, first_line(hierarchy.mount + "/cgroup.controllers"));
  }
  return layout;
}

std::string normalize_cgroup_parent(const std::string& parent) {
  std::string result;
  for (const std::string& part : split(parent, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") throw Error{Errc::invalid, "invalid cgroup-parent \"" + parent + "\": \"..\" is not allowed"};
    result += (result.empty() ? "" : "/") + part;
  }
  if (result.empty()) throw Error{Errc::invalid, "invalid cgroup-parent \"" + parent + "\": a name is needed"};
  return result;
}

void ensure_cgroup_parent(const CgroupLayout& layout, const std::string& parent) {
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    std::string directory = hierarchy.mount;
    if (hierarchy.unified) delegate_controllers(directory);
    for (const std::string& part : split(parent, '/')) {
      const std::string above = directory;
      directory += "/" + part;
      make_directory(directory);
      if (hierarchy.has("cpuset") && !hierarchy.unified) inherit_cpuset(above, directory);
      if (hierarchy.unified) delegate_controllers(directory);
    }
  }
}

std::vector<PlanCgroup> plan_cgroups(const CgroupLayout& layout, const std::string& parent, const std::string& id,
                                     const runtime::v1::Resources& resources,
                                     const std::vector<runtime::v1::DeviceRule>& rules) {
  std::vector<PlanCgroup> result;
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    PlanCgroup cgroup;
    cgroup.directory = hierarchy.mount + "/" + parent + "/" + id;
    cgroup.name = hierarchy.name;
    cgroup.unified = hierarchy.unified;
    if (hierarchy.controllers.size() > 1 && !hierarchy.unified) cgroup.aliases = hierarchy.controllers;
    if (hierarchy.unified) {
      cgroup.writes = v2::limit_writes(hierarchy, resources);
      if (layout.of("devices") == nullptr) cgroup.device_program = device_program(rules);
    } else {
      cgroup.writes = v1::limit_writes(hierarchy, hierarchy.mount + "/" + parent, resources);
      if (hierarchy.has("devices")) v1::append_device_writes(rules, cgroup.writes);
    }
    result.push_back(std::move(cgroup));
  }
  return result;
}

std::string device_number(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) < 0) {
    throw Error{Errc::invalid, "stat " + path + ": " + (errno == ENOENT ? "no such file or directory" : "failed")};
  }
  if (!S_ISBLK(facts.st_mode) && !S_ISCHR(facts.st_mode)) {
    throw Error{Errc::invalid, "\"" + path + "\" is not a device"};
  }
  return std::to_string(major(facts.st_rdev)) + ":" + std::to_string(minor(facts.st_rdev));
}

}  // namespace gantry::container_shim
