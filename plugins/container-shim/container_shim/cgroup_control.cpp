#include "container_shim/cgroup_control.hpp"

#include <cerrno>
#include <cstring>

#include "container_shim/cgroup_v1.hpp"
#include "container_shim/cgroup_v2.hpp"
#include "container_shim/container_files.hpp"
#include "container_shim/stats.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

void set_frozen(const CgroupLayout& layout, const std::vector<std::string>& directories, bool frozen) {
  if (const Hierarchy* freezer = layout.of("freezer"); freezer != nullptr) {
    const std::string directory = directory_in(*freezer, directories);
    if (!write_file(directory + "/freezer.state", frozen ? "FROZEN" : "THAWED")) {
      throw Error{Errc::io, "write " + directory + "/freezer.state: " + std::strerror(errno)};
    }
    return;
  }
  for (const std::string& directory : directories) {
    if (write_file(directory + "/cgroup.freeze", frozen ? "1" : "0")) return;
  }
  throw Error{Errc::unsupported, "this host has no cgroup freezer"};
}

}  // namespace

bool is_frozen(const CgroupLayout& layout, const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    const std::string v1 = first_line(directory + "/freezer.state");
    if (v1 == "FROZEN" || v1 == "FREEZING" ||
        (layout.of("freezer") == nullptr && read_number(directory + "/cgroup.freeze") == 1)) {
      return true;
    }
  }
  return false;
}

void freeze(const CgroupLayout& layout, const std::vector<std::string>& directories) {
  set_frozen(layout, directories, true);
}

void thaw(const CgroupLayout& layout, const std::vector<std::string>& directories) {
  set_frozen(layout, directories, false);
}

void apply_limits(const CgroupLayout& layout, const std::vector<std::string>& directories,
                  const runtime::v1::Resources& resources) {
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    const std::string directory = directory_in(hierarchy, directories);
    auto writes =
        hierarchy.unified ? v2::limit_writes(hierarchy, resources) : v1::limit_writes(hierarchy, "", resources);
    std::vector<PlanWrite> again;
    for (const PlanWrite& write : writes) {
      if (!write_file(directory + "/" + write.file, write.value)) again.push_back(write);
    }
    // A limit may have to wait for another one: memory must not exceed memory and swap at any time.
    for (const PlanWrite& write : again) {
      if (!write_file(directory + "/" + write.file, write.value) && !write.optional) {
        throw Error{Errc::invalid, "failed to write \"" + write.value + "\": write " + directory + "/" + write.file +
                                       ": " + std::strerror(errno)};
      }
    }
  }
}

}  // namespace gantry::container_shim
