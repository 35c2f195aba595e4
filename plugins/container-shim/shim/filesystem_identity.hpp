#pragma once

#include <cstdint>

namespace gantry::container_shim {

/// The calling thread makes files as another user, but keeps what root may: a mount whose ids are mapped has no place
/// for the host's root (EOVERFLOW), only for that of the user namespace.
class FilesystemIdentity {
 public:
  FilesystemIdentity(std::uint32_t uid, std::uint32_t gid);
  ~FilesystemIdentity();
  FilesystemIdentity(const FilesystemIdentity&) = delete;
  FilesystemIdentity& operator=(const FilesystemIdentity&) = delete;
};

}  // namespace gantry::container_shim
