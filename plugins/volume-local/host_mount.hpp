#pragma once

#include <string>

#include "gantry/driver.hpp"

namespace gantry::local {

/// Errors: invalid, in dockerd's words: an option that there is not, one that is missing, a bad size.
void check_options(const Options& options);

/// Whether the volume is more than a directory.
bool needs_mount(const Options& options);

/// Whether it is a directory of the host's.
bool shows_host_directory(const Options& options);

/// Whether something is mounted on the directory in this mount namespace.
bool is_mounted(const std::string& directory);

/// Mounts what the options say on the directory, as mount(8) would; resolves an NFS or CIFS server's `addr`.
/// Errors: unavailable (a name that does not resolve, a server that does not answer), io; in dockerd's words.
void mount_on(const std::string& directory, const Options& options);

/// Takes off all that is mounted on the directory. Succeeds if there is nothing.
void unmount_from(const std::string& directory);

}  // namespace gantry::local
