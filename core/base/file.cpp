#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/id.hpp"

namespace gantry {

void throw_errno(const std::string& what) { throw_errno(what, errno); }

void throw_errno(const std::string& what, int error) {
  Errc code = Errc::io;
  if (error == ENOENT) code = Errc::not_found;
  if (error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE || error == ENOMEM)
    code = Errc::exhausted;
  throw Error{code, what + ": " + std::generic_category().message(error)};
}

std::string read_file(const std::filesystem::path& path, std::size_t limit) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) throw_errno("cannot open " + path.string());
  std::string content;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      throw_errno("cannot read " + path.string());
    }
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > limit) {
      throw Error{Errc::invalid, path.string() + " is larger than " + std::to_string(limit) + " bytes"};
    }
  }
}

void write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      throw_errno("write");
    }
    content.remove_prefix(static_cast<std::size_t>(put));
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  const std::filesystem::path temporary = path.string() + ".tmp-" + random_id().substr(0, 12);
  try {
    const UniqueFd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
    if (!fd) throw_errno("cannot create " + temporary.string());
    write_all(fd.get(), content);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_errno("cannot replace " + path.string());
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

// Not by way of an empty file: what takes the place of one ext4 writes to the disk at once, and the next change waits
// for that.
void write_file_in_place(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode)};
  if (!fd) throw_errno("cannot open " + path.string());
  write_all(fd.get(), content);
  if (::ftruncate(fd.get(), static_cast<off_t>(content.size())) != 0) throw_errno("cannot cut " + path.string());
}

}  // namespace gantry
