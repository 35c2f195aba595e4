#pragma once

#include <string>

#include "containers/tree_ids.hpp"
#include "gantry/stream.hpp"

namespace gantry::containers {

/// Writes what is at `path` (containers/tree_path.hpp) below the directory `root` as a tar stream, as ContainerArchive
/// has it: entries are named from the path's last part on; a link at the end is not followed. What the engine itself
/// mounts on /proc, /sys and /dev is left out when the whole tree is asked for. Owners are told as `ids` has them.
/// Blocks. Errors: not_found, io.
void archive_path_in(int root, const std::string& path, const TreeIds& ids, ByteSink& sink);

/// Writes all that is in the directory `root`, and "./" for itself, with all that is kept of a volume: extended
/// attributes, ACLs and holes. Blocks. Errors: io.
void archive_whole(int root, ByteSink& sink);

/// Writes the whole tree but what is mounted in it (ContainerExport). Blocks. Errors: io.
void export_tree(int root, const TreeIds& ids, ByteSink& sink);

}  // namespace gantry::containers
