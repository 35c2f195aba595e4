#pragma once

#include "base/async.hpp"
#include "base/workers.hpp"
#include "gantry/mount.hpp"
#include "images/service.hpp"

namespace gantry::containers {

/// The data of a volume as a tar stream, with all that it has: owners, modes, times, extended attributes, ACLs, hard
/// links, devices, holes; sockets are left out. Errors: io.
awaitable<void> write_volume(Workers& workers, Mount mount, images::DownloadSink sink);

/// The other way: a tar stream (plain or compressed) into an empty volume. The archive is hostile: nothing outside of
/// the volume is reached. Errors: io, exhausted.
awaitable<void> read_volume(Workers& workers, Mount mount, images::UploadSource source);

}  // namespace gantry::containers
