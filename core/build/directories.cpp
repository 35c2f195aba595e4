#include "build/directories.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/id.hpp"
#include "gantry/error.hpp"

namespace gantry::build {
namespace {

constexpr std::chrono::minutes kWaitingTime{1};
constexpr std::size_t kMostDirectories = 64;

[[noreturn]] void throw_another() { throw Error{Errc::conflict, "the directory is not the same one here"}; }

std::string boot_id() {
  std::string text = read_file("/proc/sys/kernel/random/boot_id");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

SharedDirectory open_claimed(const DirectoryClaim& claim, const Peer& peer) {
  if (!claim.path.starts_with('/') || claim.boot != boot_id()) throw_another();
  const std::string root_path = "/proc/" + std::to_string(peer.pid) + "/root";
  const UniqueFd root{::open(root_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
  UniqueFd found{static_cast<int>(::syscall(SYS_openat2, root.get(), claim.path.c_str(), &how, sizeof how))};
  struct stat status {};
  if (!found || ::fstat(found.get(), &status) != 0) throw_another();
  const std::int64_t changed = std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec;
  if (status.st_dev != claim.device || status.st_ino != claim.inode || changed != claim.changed) throw_another();
  return {std::move(found), peer.reader};
}

void DirectoryDesk::forget_old() {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(waiting_, [&](const auto& entry) { return now - entry.second.since > kWaitingTime; });
}

std::string DirectoryDesk::put(std::shared_ptr<SharedDirectory> directory) {
  forget_old();
  if (waiting_.size() >= kMostDirectories) throw Error{Errc::exhausted, "too many builds are about to begin"};
  const std::string id = random_id();
  waiting_[id] = {std::move(directory), std::chrono::steady_clock::now()};
  return id;
}

std::shared_ptr<SharedDirectory> DirectoryDesk::take(const std::string& id) {
  forget_old();
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) throw Error{Errc::not_found, "no such build directory"};
  auto directory = std::move(found->second.directory);
  waiting_.erase(found);
  return directory;
}

}  // namespace gantry::build
