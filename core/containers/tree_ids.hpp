#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gantry/runtime.hpp"

namespace gantry::containers {

/// Whose the files of a tree are: archives have the container's ids, the host sees other ones where the container has a
/// user namespace. Of a container that runs that goes for all of its tree; of one at rest only for binds, as everything
/// else has the container's ids on disk.
class TreeIds {
 public:
  using Map = std::vector<runtime::v1::IdMap>;

  /// Of a container without a user namespace.
  TreeIds() = default;

  /// `own_mounts`: ids of the mounts on which the container's ids are the host's.
  TreeIds(Map uid_map, Map gid_map, std::set<std::uint64_t> own_mounts = {});

  /// The text of /proc/<pid>/uid_map or gid_map.
  static Map parse_map(const std::string& text);

  /// As a process's /proc/<pid>/uid_map and gid_map say; nothing to be mapped if it is in the host's user namespace.
  static TreeIds of_maps(const std::string& uid_map, const std::string& gid_map);

  [[nodiscard]] bool empty() const noexcept { return uid_map_.empty(); }

  /// Puts the container's ids into what fstat(2) says of `fd`; the kernel's "nobody" for those that it does not have.
  void to_container(int fd, struct stat& status) const;

  /// What the container's ids are where `fd` is. Errors: io, in dockerd's words, if it has none of that number.
  [[nodiscard]] std::pair<uid_t, gid_t> to_host(int fd, uid_t uid, gid_t gid) const;

  /// Whether `fd` is where ids are mapped.
  [[nodiscard]] bool are_mapped(int fd) const;

  /// Whether all of the tree is mapped: what is made there must be made as the container's root.
  [[nodiscard]] bool whole_tree() const noexcept { return !empty() && own_mounts_.empty(); }

  /// The container's root, as the host sees it.
  [[nodiscard]] std::pair<uid_t, gid_t> root() const;

 private:
  Map uid_map_;
  Map gid_map_;
  std::set<std::uint64_t> own_mounts_;
};

/// What STATX_MNT_ID is of a descriptor. Errors: io.
std::uint64_t mount_id_of(int fd);

}  // namespace gantry::containers
