#pragma once

#include <sys/stat.h>

#include <string>

namespace gantry::cli {

/// The header of one entry of a tar archive (POSIX pax): owner root, time to the second. `target` is a symbolic link's.
std::string tar_header(const std::string& path, const struct stat& status, const std::string& target);

/// What fills up the last block of so many bytes of content.
std::string tar_padding(std::size_t size);

/// The end of an archive.
std::string tar_end();

}  // namespace gantry::cli
