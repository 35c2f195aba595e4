#include "base/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"

namespace gantry {

UniqueFd lock_file(const std::filesystem::path& file, const std::string& what, const std::string& option) {
  UniqueFd held{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!held) throw_errno("cannot open " + file.string());
  if (::flock(held.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw_errno("cannot lock " + file.string());
    std::string owner = read_file(file, 64);
    while (!owner.empty() && owner.back() == '\n') owner.pop_back();
    if (!owner.empty()) owner = " (pid " + owner + ")";
    throw Error{Errc::conflict,
                what + " is in use by another gantryd" + owner + ": stop it, or choose another " + option};
  }
  if (::ftruncate(held.get(), 0) != 0) throw_errno("cannot write " + file.string());
  write_all(held.get(), std::to_string(::getpid()) + "\n");
  return held;
}

}  // namespace gantry
