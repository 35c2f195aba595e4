#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "containers/tree_ids.hpp"
#include "gantry/stream.hpp"

namespace gantry::containers {

struct ExtractOptions {
  bool keep_kind{};  ///< Refuse to put a directory in a file's place or the other way round (noOverwriteDirNonDir).
  bool whole{};  ///< The archive is all of the place: its own owner, mode and times, ACLs and extended attributes, too.
  std::optional<std::pair<uid_t, gid_t>> owner;  ///< Of all that is made; else the archive's own.
  TreeIds ids;                                   ///< Both have the container's ids.
};

/// Extracts a tar stream (plain or compressed) into the directory `path` (absolute, without links) below the directory
/// `root`, as PutContainerArchive does. The archive and the tree are hostile: nothing outside of `root` is reached.
/// Blocks. Errors: io, in dockerd's words; what came before stays.
void extract_archive(int root, const std::string& path, const ExtractOptions& options, ByteSource& source);

}  // namespace gantry::containers
