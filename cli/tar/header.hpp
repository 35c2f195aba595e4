#pragma once

#include <sys/stat.h>

#include <string>

namespace gantry::cli {

/// The header of one entry of a tar archive (POSIX pax): owner root, time to the second. `target` is a symbolic link's.
std::string tar_header(const std::string& path, const struct stat& status, const std::string& target);

/// The same with its owner and device; a `hard_link` is to `target`, the path of an entry before it. `capability` has
/// the bytes of the file's security.capability attribute, if it has one.
std::string tar_header_of_owner(const std::string& path, const struct stat& status, const std::string& target,
                                bool hard_link, const std::string& capability);

/// What fills up the last block of so many bytes of content.
std::string tar_padding(std::size_t size);

/// The end of an archive.
std::string tar_end();

}  // namespace gantry::cli
