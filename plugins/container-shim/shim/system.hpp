#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/unique_fd.hpp"

/// System calls that glibc has no function for, and the few shapes of file access that the shim needs.
namespace gantry::container_shim {

/// Sets prctl(PR_SET_PDEATHSIG) again at its end: the kernel forgets it when a process changes its identity.
class KeptDeathSignal {
 public:
  KeptDeathSignal();
  ~KeptDeathSignal();
  KeptDeathSignal(const KeptDeathSignal&) = delete;
  KeptDeathSignal& operator=(const KeptDeathSignal&) = delete;

 private:
  int signal_{};
};

/// fork(2) with clone3(2)'s flags; in the parent `pidfd` owns a descriptor of the child. `cgroup`: with
/// CLONE_INTO_CGROUP.
pid_t clone_process(std::uint64_t flags, UniqueFd& pidfd, int cgroup = -1);

/// openat2(2), again where it only lost a race.
int openat2_retrying(int directory, const char* path, int flags, std::uint64_t resolve);
int openat2_in_root(int root, const char* path, int flags, std::uint64_t extra_resolve = 0);

/// At most `limit` bytes of a file; empty if it cannot be read.
std::string read_small_file(const char* path, std::size_t limit = 65536);

/// At most `limit` bytes from a descriptor.
std::string read_rest(int fd, std::size_t limit);

/// 0, or errno.
int write_whole_file(const char* path, std::string_view content, int extra_flags = 0);

/// 0, or errno.
int write_all(int fd, std::string_view content);

/// Replaces a file as a whole, so that a reader sees the old content or the new. 0, or errno.
int replace_file(const char* path, std::string_view content);

std::string number(std::int64_t value);

/// Field 22 of /proc/<pid>/stat; 0 if there is no such process.
std::uint64_t process_start_time(pid_t pid);

}  // namespace gantry::container_shim
