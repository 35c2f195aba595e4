#pragma once

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

/// The bytes of a file, piece by piece; empty at the end. Throws Failure.
class FileSource {
 public:
  explicit FileSource(int fd) : fd_(fd) {}

  std::string_view operator()() {
    ssize_t size = 0;
    do {
      size = ::read(fd_, buffer_.data(), buffer_.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0) throw Failure(std::string("read: ") + lower(std::strerror(errno)));
    return {buffer_.data(), static_cast<std::size_t>(size)};
  }

 private:
  int fd_;
  std::array<char, 65536> buffer_{};
};

}  // namespace gantry::cli
