#pragma once

#include <string>

/// Whether a bind's source passes mounts on, as the propagation that was asked for needs it.
namespace gantry::containers {

/// Blocks. Errors: invalid, in dockerd's words: the mount that `source` lies on is not shared ("shared", "rshared"),
/// or neither shared nor a slave ("slave", "rslave"). Other propagations need nothing.
void check_propagation(const std::string& source, const std::string& propagation);

/// The same against the text of a mountinfo file.
void check_propagation(const std::string& source, const std::string& propagation, const std::string& mountinfo);

}  // namespace gantry::containers
