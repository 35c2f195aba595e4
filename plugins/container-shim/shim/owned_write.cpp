#include "shim/owned_write.hpp"

#include <unistd.h>

#include <cerrno>

#include "shim/system.hpp"

namespace gantry::container_shim {

int write_as_root_or(uid_t owner, const std::string& file, const std::string& value) {
  const KeptDeathSignal kept;
  int error = write_whole_file(file.c_str(), value);
  if (error != EACCES || ::seteuid(owner) < 0) return error;
  error = write_whole_file(file.c_str(), value);
  return ::seteuid(0) < 0 ? errno : error;
}

}  // namespace gantry::container_shim
