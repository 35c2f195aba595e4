#include "project_quota/project_quota.hpp"

#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::project_quota {
namespace {

constexpr std::uint32_t kProjects = 1U << 20;
constexpr std::uint64_t kBlock = 1024;  // of dqblk: QIF_DQBLKSIZE

[[noreturn]] void fail(const std::string& what) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  throw Error{full ? Errc::exhausted : Errc::io, what + ": " + std::strerror(errno)};
}

UniqueFd open_directory(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) fail("cannot open " + directory);
  return fd;
}

/// By a descriptor: the block device below need not be known, nor be there.
long quotactl(int fd, unsigned command, std::uint32_t project, void* argument) {
  return ::syscall(SYS_quotactl_fd, static_cast<unsigned>(fd), QCMD(command, PRJQUOTA), project, argument);
}

fsxattr attributes_of(int fd, const std::string& directory) {
  fsxattr attributes{};
  if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) fail("cannot read the project of " + directory);
  return attributes;
}

}  // namespace

ProjectQuota::ProjectQuota(const std::string& directory, std::uint32_t first)
    : place_(open_directory(directory)), first_(first), next_(first) {}

bool ProjectQuota::enforced() const {
  fs_quota_statv state{};
  state.qs_version = FS_QSTATV_VERSION1;
  if (quotactl(place_.get(), Q_XGETQSTATV, 0, &state) != 0) return false;
  return (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

void ProjectQuota::limit(const std::string& directory, std::uint64_t bytes) {
  if (!enforced()) {
    throw Error{Errc::unsupported, "the filesystem of " + directory + " has no project quotas that it obeys"};
  }
  const UniqueFd fd = open_directory(directory);
  fsxattr attributes = attributes_of(fd.get(), directory);
  const std::lock_guard lock(mutex_);
  const bool ours = attributes.fsx_projid >= first_ && attributes.fsx_projid < first_ + kProjects;
  const std::uint32_t project = ours ? attributes.fsx_projid : next_free();
  // The limit first: nothing is written before it holds.
  set_limit(project, bytes);
  attributes.fsx_projid = project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  if (::ioctl(fd.get(), FS_IOC_FSSETXATTR, &attributes) == 0) return;
  const int error = errno;
  forget(project);
  errno = error;
  fail("cannot set the project of " + directory);
}

void ProjectQuota::note(const std::string& directory, std::uint32_t project) {
  const UniqueFd fd = open_directory(directory);
  fsxattr attributes = attributes_of(fd.get(), directory);
  attributes.fsx_projid = project;
  if (::ioctl(fd.get(), FS_IOC_FSSETXATTR, &attributes) != 0) fail("cannot set the project of " + directory);
}

std::uint32_t ProjectQuota::project_of(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  fsxattr attributes{};
  if (!fd || ::ioctl(fd.get(), FS_IOC_FSGETXATTR, &attributes) != 0) return 0;
  return attributes.fsx_projid;
}

void ProjectQuota::forget(std::uint32_t project) noexcept {
  if (project < first_ || project - first_ >= kProjects) return;
  if_dqblk none{};
  none.dqb_valid = QIF_LIMITS;
  static_cast<void>(quotactl(place_.get(), Q_SETQUOTA, project, &none));
}

bool ProjectQuota::is_free(std::uint32_t project) const {
  if_dqblk held{};
  if (quotactl(place_.get(), Q_GETQUOTA, project, &held) != 0) return errno == ENOENT;
  return held.dqb_bhardlimit == 0 && held.dqb_curspace == 0 && held.dqb_curinodes == 0;
}

std::uint32_t ProjectQuota::next_free() {
  for (std::uint32_t tried = 0; tried < kProjects; ++tried) {
    const std::uint32_t project = next_;
    next_ = next_ + 1 - first_ < kProjects ? next_ + 1 : first_;
    if (is_free(project)) return project;
  }
  throw Error{Errc::exhausted, "all project numbers for quotas are taken"};
}

void ProjectQuota::set_limit(std::uint32_t project, std::uint64_t bytes) {
  if_dqblk wanted{};
  wanted.dqb_bhardlimit = (bytes + kBlock - 1) / kBlock;
  wanted.dqb_bsoftlimit = wanted.dqb_bhardlimit;
  wanted.dqb_valid = QIF_BLIMITS;
  if (quotactl(place_.get(), Q_SETQUOTA, project, &wanted) != 0) fail("cannot set a quota");
}

std::uint64_t parse_size(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc{}) return 0;
  std::string unit;
  for (const char* at = read.ptr; at != end; ++at) {
    unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*at)));
  }
  constexpr std::string_view kUnits = "bkmgt";
  if (unit.empty()) return number;
  const auto power = kUnits.find(unit.front());
  const std::string rest = unit.substr(1);
  if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) return 0;
  const auto shift = static_cast<unsigned>(power * 10);
  return number > (~std::uint64_t{0} >> shift) ? 0 : number << shift;
}

}  // namespace gantry::project_quota
