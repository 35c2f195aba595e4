#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "gantry/unique_fd.hpp"

namespace gantry {

/// For what a stranger's tree holds: opens for reading the regular file that `found` (O_PATH) is of, and says in
/// `status` what `found` is. Nothing (with errno, ENXIO of what is no regular file) if it can't: a device may act on
/// being opened, a FIFO waits, and a name may stand for something else between a look at it and its opening. Needs the
/// host's /proc.
inline UniqueFd open_regular(int found, struct stat& status) noexcept {
  if (found < 0 || ::fstat(found, &status) != 0) return {};
  if (!S_ISREG(status.st_mode)) {
    errno = ENXIO;
    return {};
  }
  char path[sizeof "/proc/self/fd/" + 3 * sizeof found];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", found);
  return UniqueFd{::open(path, O_RDONLY | O_CLOEXEC)};
}

}  // namespace gantry
