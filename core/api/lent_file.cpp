#include "api/lent_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "gantry/error.hpp"

namespace gantry::api {
namespace {

[[noreturn]] void throw_another() { throw Error{Errc::conflict, "the file is not the same one here"}; }

std::string boot_id() {
  std::string text = read_file("/proc/sys/kernel/random/boot_id");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// The lender's own open file: what it was allowed to open, and nothing else.
UniqueFd duplicate(pid_t process, int descriptor) {
  const UniqueFd lender{static_cast<int>(::syscall(SYS_pidfd_open, process, 0))};
  if (!lender) throw_another();
  UniqueFd file{static_cast<int>(::syscall(SYS_pidfd_getfd, lender.get(), descriptor, 0))};
  if (!file) throw_another();
  return file;
}

bool is_readable(int file) {
  const int flags = ::fcntl(file, F_GETFL);
  return flags >= 0 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY;
}

}  // namespace

UniqueFd take_lent_file(const PeerProcess& lender, const nlohmann::json& claim) {
  if (!claim.is_object()) throw Error{Errc::invalid, "a file was expected"};
  if (claim.value("Boot", "") != boot_id()) throw_another();
  UniqueFd file = duplicate(lender.pid, claim.value("Descriptor", -1));
  struct stat status {};
  if (!is_readable(file.get()) || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) throw_another();
  const bool is_same = claim.value("Device", std::uint64_t{}) == status.st_dev &&
                       claim.value("Inode", std::uint64_t{}) == status.st_ino &&
                       claim.value("Size", std::int64_t{}) == status.st_size;
  if (!is_same) throw_another();
  return file;
}

}  // namespace gantry::api
