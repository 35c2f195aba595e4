#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "containers/container.hpp"

/// From -v, --mount, --tmpfs, --volumes-from and the image's volumes to places in the tree.
namespace gantry::containers {

/// Text to a place: "/host:/inside:ro", "name:/inside", "/inside". Errors: invalid, in dockerd's words.
MountPoint parse_bind(const std::string& text, const std::string& volume_driver);

/// HostConfig.Mounts. Errors: invalid, in dockerd's words.
MountPoint parse_mount(const wire::MountRequest& request);

/// Which of a bind's options for what is read-only exclude each other, in dockerd's words; empty if none do.
std::string readonly_conflict(const wire::MountRequest& request);

/// All places of a new container; the user's own take the place of others for the same destination. `find` looks up the
/// containers of --volumes-from. Volumes that have no name yet are anonymous. Errors: invalid; what `find` throws.
/// `readonly_at_top`: what is mounted below the source of a read-only bind stays writable.
std::vector<MountPoint> mount_points(const wire::ContainerConfig& config, const wire::HostConfig& host,
                                     const std::function<Container(const std::string&)>& find,
                                     bool readonly_at_top = false);

/// To the kernel a NUL is the end: what was compared here would not be what is mounted there. Errors: invalid.
void check_no_nul(const MountPoint& place);

/// Whether it is nearer to the root.
bool is_outer(const MountPoint& a, const MountPoint& b);

/// Outer places first, so that none hides another.
void sort_by_depth(std::vector<MountPoint>& places);

/// What the event about a volume's mount tells of its place.
std::map<std::string, std::string> mount_attributes(const MountPoint& place);

/// The path without "." and "..", without a slash at its end.
std::string clean_path(const std::string& path);

}  // namespace gantry::containers
