#pragma once

#include <string>

namespace gantry::logger {

/// Puts path.gz in the place of the file `path`, which is open as `file`. Its header's comment says which inode it came
/// from, and when that was written last, so that a reader that held the file finds where to go on. Errors: io; the file
/// stays then.
void compress(int file, const std::string& path);

}  // namespace gantry::logger
