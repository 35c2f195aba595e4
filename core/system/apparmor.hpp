#pragma once

#include <string_view>

/// The mandatory access control of Debian's and Ubuntu's kernels.
namespace gantry::system {

/// What a container gets that asks for nothing else: dockerd's name, so that tools and audit rules go on to work.
inline constexpr std::string_view kDefaultAppArmorProfile = "docker-default";

/// Whether the kernel enforces AppArmor and this build has a profile for containers.
bool has_apparmor();

/// Puts the default profile into the kernel unless it is there: at each start, since the host's own tools may have
/// unloaded it. Blocks for some milliseconds the first time. Errors: io.
void load_default_apparmor_profile();

}  // namespace gantry::system
