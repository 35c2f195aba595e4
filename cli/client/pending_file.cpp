#include "client/pending_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

void throw_open_failure(const std::string& path) { throw Failure("open " + path + ": " + lower(std::strerror(errno))); }

std::string whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_open_failure(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw Failure(std::string("write: ") + lower(std::strerror(errno)));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

PendingFile::PendingFile(const std::string& path) : path_(path), temporary_(path + ".XXXXXX") {
  fd_.reset(::mkostemp(temporary_.data(), O_CLOEXEC));
  if (!fd_) throw_open_failure(path);
  ::fchmod(fd_.get(), 0600);
}

PendingFile::~PendingFile() {
  if (fd_) ::unlink(temporary_.c_str());
}

void PendingFile::commit() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_open_failure(path_);
  fd_.reset();
}

}  // namespace gantry::cli
