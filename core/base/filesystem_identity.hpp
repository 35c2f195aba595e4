#pragma once

#include <sys/types.h>

namespace gantry {

/// The calling thread makes files as another user, but keeps what root may: a mount whose ids are mapped has no place
/// for the host's root (EOVERFLOW), only for that of the container.
class FilesystemIdentity {
 public:
  FilesystemIdentity(uid_t uid, gid_t gid);
  ~FilesystemIdentity();
  FilesystemIdentity(const FilesystemIdentity&) = delete;
  FilesystemIdentity& operator=(const FilesystemIdentity&) = delete;
};

}  // namespace gantry
