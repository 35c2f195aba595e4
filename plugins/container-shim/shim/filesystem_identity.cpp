#include "shim/filesystem_identity.hpp"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

/// The kernel takes the rights over files away from whoever gives up root's identity there.
void raise_permitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) < 0) return;
  for (auto& half : data) half.effective = half.permitted;
  ::syscall(SYS_capset, &header, data);
}

}  // namespace

FilesystemIdentity::FilesystemIdentity(std::uint32_t uid, std::uint32_t gid) {
  const KeptDeathSignal kept;
  ::setfsgid(gid);
  ::setfsuid(uid);
  raise_permitted();
}

FilesystemIdentity::~FilesystemIdentity() {
  const KeptDeathSignal kept;
  ::setfsuid(0);
  ::setfsgid(0);
}

}  // namespace gantry::container_shim
