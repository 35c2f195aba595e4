#include "confinement.hpp"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::fetch {
namespace {

// Every system has it, and the process needs it itself: what others keep there is out of its sight.
constexpr const char* kPlace = "/tmp";

[[noreturn]] void fail(const char* what) {
  throw Error{Errc::io, std::string{"cannot "} + what + ": " + std::strerror(errno)};
}

std::string mount_target() {
  struct stat status {};
  if (::fstat(kTarget, &status) != 0) fail("use the descriptor for what is fetched");
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    fail("make a mount namespace");
  }
  if (!S_ISDIR(status.st_mode)) return {};
  if (::fchown(kTarget, kNobody, kNobody) != 0) fail("set the owner of a directory");
  // By its name: the descriptor is of the mount namespace that was left.
  std::array<char, PATH_MAX> source{};
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(kTarget)).c_str(), source.data(), source.size() - 1);
  if (size < 0) fail("find a directory");
  if (::mount(source.data(), kPlace, nullptr, MS_BIND, nullptr) != 0) fail("mount a directory");
  if (::mount(nullptr, kPlace, nullptr, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    fail("mount a directory");
  }
  return kPlace;
}

}  // namespace

std::string confine(std::uint64_t limit) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string place = mount_target();
  const rlimit size{limit, limit};
  ::setrlimit(RLIMIT_FSIZE, &size);
  ::signal(SIGXFSZ, SIG_IGN);
  ::umask(022);
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    fail("become nobody");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("give up rights");
  // Changing the user has cleared it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return place;
}

}  // namespace gantry::fetch
