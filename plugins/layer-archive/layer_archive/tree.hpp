#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "gantry/call.hpp"

namespace gantry::layer_archive {

/// What is at `name` in `directory`, links not followed; false if there is nothing. Errors: io.
bool find(int directory, const std::string& name, struct stat& out);

/// A character device 0/0, by which overlayfs says that a name of a lower directory is no more.
bool is_whiteout(const struct stat& status) noexcept;

/// Whether the directory hides what lower ones have at its place.
bool is_opaque(int directory);

/// A file in an open directory.
struct FileAt {
  int directory;
  const std::string& name;
  const struct stat& status;
};

/// Whether a change of the file is to be told, as dockerd sees it (pkg/archive, changes_linux.go): owner, mode, device,
/// capabilities, and, except for directories, size and time.
bool differs(const FileAt& before, const FileAt& after);

struct TreeSize {
  std::uint64_t bytes{};  ///< Of regular files, hard links counted once.
  std::uint64_t inodes{};
};

/// Walks the tree below `name`, however deep it is; somebody may work in it meanwhile.
TreeSize measure(int directory, const std::string& name, const Call& call);

/// Copies all that is in the directory `from`, and its own attributes, into the empty directory `to`: owners, modes,
/// times, extended attributes, hard links, devices and holes are kept; content is shared with the original where the
/// filesystem can. Errors: io (a path is too long, see check_depth()).
void copy_tree(int from, int to, const Call& call);

/// Gives `name` in `to` the owner, mode, extended attributes and times of `name` in `from`, whose `status` this is, and
/// takes other extended attributes of layers away.
void replace_attributes(int from, int to, const std::string& name, const struct stat& status);

}  // namespace gantry::layer_archive
