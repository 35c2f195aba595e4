#include "layer_archive/file_content.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "layer_archive/system_error.hpp"

namespace gantry::layer_archive {
namespace {

bool is_no_shortcut(int error) {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

// Moves [offset, end), in the kernel if it can.
void copy_range(int from, int to, off_t offset, off_t end, const Call& call) {
  constexpr std::size_t kStep = std::size_t{64} << 20;  // one is done in less than the time to look at the cancellation
  std::vector<char> buffer;
  while (offset < end) {
    call.check();
    off_t in = offset;
    off_t out = offset;
    const auto left = std::min(static_cast<std::size_t>(end - offset), kStep);
    ssize_t moved = -1;
    if (buffer.empty()) moved = ::copy_file_range(from, &in, to, &out, left, 0);
    if (moved < 0 && buffer.empty()) {
      if (!is_no_shortcut(errno)) throw_errno("cannot copy");
      buffer.resize(std::size_t{1} << 18);
    }
    if (!buffer.empty()) {
      moved = ::pread(from, buffer.data(), std::min(left, buffer.size()), offset);
      if (moved > 0) moved = ::pwrite(to, buffer.data(), static_cast<std::size_t>(moved), offset);
      if (moved < 0) throw_errno("cannot copy");
    }
    if (moved == 0) return;
    offset += moved;
  }
}

}  // namespace

void copy_content(int from, int to, off_t size, const Call& call) {
  if (size == 0 || ::ioctl(to, FICLONE, from) == 0) return;
  if (::ftruncate(to, size) != 0) throw_errno("cannot set a file's size");
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;  // a hole up to the end
    const off_t start = data < 0 ? at : data;
    const off_t hole = data < 0 ? size : ::lseek(from, start, SEEK_HOLE);
    copy_range(from, to, start, hole < 0 ? size : hole, call);
    at = hole < 0 ? size : hole;
  }
}

}  // namespace gantry::layer_archive
