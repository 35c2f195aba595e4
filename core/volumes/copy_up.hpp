#pragma once

#include <string>

namespace gantry::volumes {

/// Copies what an image has at `path` into a volume's empty directory, as Docker does for a new volume: content,
/// owners, modes, times, extended attributes, links, devices, and the owner, mode and times of the directory itself.
/// `root` is the root directory of the container's tree (base/mounted_tree.hpp); links on the way are resolved inside
/// of it. Nothing happens if the volume is not empty or the image has nothing there. Blocks. Returns whether anything
/// was copied. Errors: invalid (the image has a file there, not a directory), exhausted, io; what was copied is then
/// gone again. One call at a time for a volume.
bool copy_up(int root, const std::string& path, const std::string& volume_directory);

}  // namespace gantry::volumes
