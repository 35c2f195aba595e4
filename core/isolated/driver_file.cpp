#include "isolated/driver_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "gantry/error.hpp"
#include "isolated/host_process.hpp"

namespace gantry::isolated {

DriverFile::DriverFile(std::string path) : path_(std::move(path)) {
  const UniqueFd opened{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
  // Away from the numbers that the process gets.
  file_ = UniqueFd{opened ? ::fcntl(opened.get(), F_DUPFD_CLOEXEC, kFirstFreeFd) : -1};
  if (!file_ || ::fstat(file_.get(), &opened_) != 0) {
    throw Error{Errc::unavailable, path_ + ": " + std::strerror(errno)};
  }
}

// Not by the time of change, which a file that is replaced gets when it loses its name.
void DriverFile::check() const {
  struct stat now {};
  if (::fstat(file_.get(), &now) == 0 && now.st_size == opened_.st_size &&
      now.st_mtim.tv_sec == opened_.st_mtim.tv_sec && now.st_mtim.tv_nsec == opened_.st_mtim.tv_nsec) {
    return;
  }
  throw Error{Errc::unavailable,
              path_ + " was written to after the driver was loaded: \"gantry plugin reload\" takes it as it is now"};
}

}  // namespace gantry::isolated
