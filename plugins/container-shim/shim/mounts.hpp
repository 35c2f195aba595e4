#pragma once

#include <string>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"

/// The container's filesystem, made in its own mount namespace.
namespace gantry::container_shim {

class Rootfs {
 public:
  Rootfs(const Plan& plan, const ReportLine& line) : plan_(plan), line_(line) {}

  /// Clones what the binds show, while the host's mounts and their propagation are still there, then cuts the
  /// namespace off from the host and mounts the root. In a user namespace the groundwork does all that.
  void mount_root();

  /// Performs the mounts. `cgroup_ready` is called before the first one of a cgroup filesystem.
  template <class Ready>
  void mount_all(Ready cgroup_ready) {
    make_usual_files();
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (plan_.mounts[i].type == "cgroup" || plan_.mounts[i].type == "cgroup2") cgroup_ready();
      mount_one(plan_.mounts[i], sources_[i]);
    }
  }

  /// Makes the device nodes and the links of /dev.
  void make_devices();

  /// Shows a terminal's slave as /dev/console.
  void bind_console(int slave);

  /// Hides and protects paths, once everything else is in place.
  void protect_paths();

  /// Makes the root the process's own and lets go of the host's.
  void pivot();

  [[nodiscard]] int root() const { return root_.get(); }

 private:
  void clone_sources();
  void leave_chroot() const;
  void take_groundwork();
  void make_usual_files() const;
  void show_below(const PlanMount& mount);
  void mount_one(const PlanMount& mount, UniqueFd& source);
  UniqueFd open_mount_target(const PlanMount& mount, bool directory) const;
  void check_outside_of_proc(const PlanMount& mount, int source, int target) const;
  void mount_filesystem(const PlanMount& mount, int target, const std::string& data);
  [[nodiscard]] std::string tmpfs_data(const PlanMount& mount) const;
  void show_host_cgroups(const PlanMount& mount, int target);
  void mount_cgroups_v1(const PlanMount& mount, int target);
  void show_device(const PlanDevice& device, int node);
  void make_device(const PlanDevice& device);
  void mask(const std::string& path, int null_file);
  void make_readonly(const std::string& path);

  const Plan& plan_;
  const ReportLine& line_;
  std::vector<UniqueFd> sources_;
  std::vector<UniqueFd> nodes_;  ///< Of the groundwork, for devices outside of /dev.
  UniqueFd root_;
};

}  // namespace gantry::container_shim
