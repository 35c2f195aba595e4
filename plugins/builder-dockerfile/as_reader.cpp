#include "as_reader.hpp"

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "layer_archive/system_error.hpp"

namespace gantry::dockerfile {
namespace {

// Not glibc's: that changes all threads.
long set_groups(const std::vector<unsigned>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.empty() ? nullptr : groups.data());
}

std::vector<unsigned> own_groups() {
  const int count = ::getgroups(0, nullptr);
  std::vector<unsigned> out(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (!out.empty() && ::getgroups(count, out.data()) < 0)
    layer_archive::throw_errno("cannot read this thread's groups");
  return out;
}

}  // namespace

AsReader::AsReader(const builder::v1::Reader& reader) : changed_(reader.uid != 0) {
  if (!changed_) return;
  groups_ = own_groups();
  if (set_groups({reader.groups.begin(), reader.groups.end()}) != 0) {
    layer_archive::throw_errno("cannot take on the client's groups");
  }
  ::setfsgid(reader.gid);
  ::setfsuid(reader.uid);
}

AsReader::~AsReader() {
  if (!changed_) return;
  ::setfsuid(::geteuid());
  ::setfsgid(::getegid());
  // A thread that kept a stranger's groups would open for others what it must not.
  if (set_groups(groups_) != 0) std::abort();
}

}  // namespace gantry::dockerfile
