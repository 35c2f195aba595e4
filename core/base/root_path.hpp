#pragma once

#include <string>

#include "gantry/unique_fd.hpp"

/// Paths inside of a container's tree. Links on the way are the container's: they are resolved inside of its root, by
/// the kernel, so that no exchange of a directory for a link in between leads out of it.
namespace gantry {

/// Opens `path` below the directory `root` with open(2)'s `flags`; an empty descriptor (with errno) if it cannot be
/// opened. A trailing slash means what it means to the kernel.
UniqueFd open_in_root(int root, const std::string& path, int flags);

/// The same, but nothing on the way may lead out of `root` (EXDEV), where it would be a root for `open_in_root`.
UniqueFd open_beneath(int root, const std::string& path, int flags);

/// Opens (O_PATH) what is at `path`, made if it is missing: a directory or an empty file, and the directories above it.
/// Errors: invalid (something in the way is no directory), io.
UniqueFd make_in_root(int root, const std::string& path, bool directory);

/// `path` as an absolute path with all links on the way resolved, as far as they lead somewhere. For messages and for
/// comparisons: what is opened goes through `open_in_root`.
std::string resolve_in_root(int root, const std::string& path);

}  // namespace gantry
