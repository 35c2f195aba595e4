#pragma once

#include <map>
#include <string>
#include <string_view>

namespace gantry::layer_archive {

/// The extended attributes of what is at `path` (of a link itself); empty where the filesystem has none.
/// `path` is to be "/proc/self/fd/<descriptor>/<name>", so that no link on the way is followed.
std::map<std::string, std::string> extended_attributes(const std::string& path);

/// Whether a layer may bring it. Overlayfs's own attributes would let a layer reach into others; labels are the host's.
bool is_layer_attribute(std::string_view name);

}  // namespace gantry::layer_archive
