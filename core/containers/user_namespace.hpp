#pragma once

#include <string>
#include <vector>

#include "containers/container.hpp"
#include "containers/service.hpp"
#include "gantry/runtime.hpp"

/// Containers whose root is another one than the host's (--userns-remap).
namespace gantry::containers {

/// Whether the next start of the container gives it a user namespace.
bool is_remapped(const wire::HostConfig& host, const Settings& settings);

/// What cannot be had without the host's user namespace. Errors: invalid, in dockerd's words.
void check_user_namespace(const wire::HostConfig& host, const Settings& settings);

/// Gives the specification its user namespace, a new one or, if `joined` is not empty, that one with the ids that it
/// has; or takes away what is for such containers only. Errors: conflict (who is joined has ended).
void build_user_namespace(const wire::HostConfig& host, const Settings& settings, const std::string& joined,
                          runtime::v1::Spec& spec);

/// The user namespace that goes with the namespaces that are joined ("/proc/<pid>/ns/..."): they have one together,
/// which is not the host's. Empty if there are none. Errors: conflict.
std::string joined_user_namespace(const std::map<std::string, std::string>& joined);

/// Those of a specification that need it (kNoLinksOption): their sources are the paths that were checked afterwards.
void check_mapped_binds(std::vector<Mount>& mounts);

/// A bind whose ids are mapped lets the container's root make files that are the host's root's (setuid ones, too): only
/// below a directory that the host's other users cannot enter, and that is not the container's to open. Returns the
/// path without links: that one is to be mounted, without following any. Errors: invalid.
std::string check_mapped_bind(const std::string& source);

/// Takes what is for containers with a user namespace out of a mount's options.
void strip_id_map(Mount& mount);

}  // namespace gantry::containers
