#pragma once

#include <string>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"

namespace gantry::container_shim {

/// What only the host's root can mount for a container, as trees that are nowhere yet: what the host's paths lead to,
/// overlays, device nodes; with the ids of the container's user namespace, if it has one. For a process of a single
/// thread in a mount namespace of its own. What fails is told by the report line and ends the process.
class HostTrees {
 public:
  /// `user_namespace` is the caller's, or -1; at `scratch`, a directory, mounts are made and taken away.
  HostTrees(const Plan& plan, int user_namespace, std::string scratch, const ReportLine& line)
      : plan_(plan), user_(user_namespace), scratch_(std::move(scratch)), line_(line) {}

  /// Of a bind: while the host's mounts and their propagation are still there. No descriptor: a submount has gone.
  [[nodiscard]] UniqueFd of_bind(const PlanMount& mount) const;

  /// Of a filesystem. The process's mounts must be private by now; its working directory is "/" afterwards.
  [[nodiscard]] UniqueFd of_filesystem(const PlanMount& mount) const;

  /// Of /dev with its nodes and links: a tmpfs of the host's, so that the nodes open devices; but its owner is the
  /// container's root, who can make none.
  [[nodiscard]] UniqueFd of_dev(const PlanMount& mount) const;

  /// Of each device outside of /dev.
  [[nodiscard]] std::vector<UniqueFd> of_nodes() const;

 private:
  void map(int tree, const std::string& what, bool recursive) const;
  [[nodiscard]] UniqueFd of_mapped_overlay(const PlanMount& mount) const;
  void mount_on_scratch(const PlanMount& mount, const std::string& data) const;
  [[nodiscard]] UniqueFd take_scratch(int mounts) const;
  [[nodiscard]] std::string owner_options() const;
  void make_node(int root, const PlanDevice& device, const std::string& path) const;

  const Plan& plan_;
  int user_;
  std::string scratch_;
  const ReportLine& line_;
};

}  // namespace gantry::container_shim
