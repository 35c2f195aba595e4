#include "images/file_range.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.hpp"
#include "gantry/error.hpp"

namespace gantry::images {

std::size_t RangeSource::read(std::span<std::byte> buffer) {
  const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), range_.size - at_);
  if (wanted == 0) return 0;
  for (;;) {
    const ssize_t got = ::pread(range_.file->get(), buffer.data(), wanted, static_cast<off_t>(range_.offset + at_));
    if (got > 0) {
      at_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
    if (got == 0) throw Error{Errc::invalid, "the file has become shorter while it was read"};
    if (errno != EINTR) throw_errno("cannot read the file");
  }
}

void RangeSource::seek(std::uint64_t offset) {
  if (offset > range_.size) throw Error{Errc::invalid, "an offset beyond the end"};
  at_ = offset;
}

}  // namespace gantry::images
