#include "tar/stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "command/failure.hpp"
#include "parse/text.hpp"
#include "tar/header.hpp"

namespace gantry::cli {

void TarStream::send(UniqueFd file, std::size_t size) {
  file_ = std::move(file);
  size_ = left_ = size;
}

std::string_view TarStream::content() {
  const ssize_t got = ::read(file_.get(), buffer_.data(), std::min(left_, buffer_.size()));
  if (got < 0) throw Failure(std::string("read: ") + lower(std::strerror(errno)));
  // The header has named its size: a file that shrinks is filled up.
  const std::size_t size = got == 0 ? std::min(left_, buffer_.size()) : static_cast<std::size_t>(got);
  if (got == 0) std::memset(buffer_.data(), 0, size);
  left_ -= size;
  return {buffer_.data(), size};
}

std::string_view TarStream::next() {
  if (left_ > 0) return content();
  if (file_) {
    file_.reset();
    piece_ = tar_padding(size_);
    if (!piece_.empty()) return piece_;
  }
  if (start_entry()) return piece_;
  if (std::exchange(ended_, true)) return {};
  piece_ = tar_end();
  return piece_;
}

}  // namespace gantry::cli
