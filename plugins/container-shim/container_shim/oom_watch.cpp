#include "container_shim/oom_watch.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>

#include "container_shim/container_files.hpp"
#include "container_shim/stats.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

[[noreturn]] void refuse_watch(const std::string& what) {
  throw Error{errno == ENOENT ? Errc::not_found : Errc::io, "cannot watch " + what};
}

struct MemoryCgroup {
  std::string directory;
  bool unified{};
};

MemoryCgroup memory_cgroup(const CgroupLayout& layout, const std::vector<std::string>& directories) {
  const Hierarchy* const memory = layout.of("memory");
  std::string directory = memory == nullptr ? "" : directory_in(*memory, directories);
  if (directory.empty()) throw Error{Errc::unsupported, "no cgroup counts the container's memory"};
  return {std::move(directory), memory->unified};
}

// Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control".
UniqueFd watch_v1(const std::string& directory) {
  const std::string file = directory + "/memory.oom_control";
  const UniqueFd control{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!control) refuse_watch(file);
  UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  const std::string registration = std::to_string(event.get()) + " " + std::to_string(control.get());
  if (!event || !write_file(directory + "/cgroup.event_control", registration)) refuse_watch(file);
  return event;
}

UniqueFd watch_v2(const std::string& directory) {
  const std::string file = directory + "/memory.events";
  UniqueFd watch{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  if (!watch || ::inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY) < 0) refuse_watch(file);
  return watch;
}

void drain(int watch) {
  std::array<char, 4096> events{};
  while (::read(watch, events.data(), events.size()) > 0) {
  }
}

}  // namespace

UniqueFd watch_memory(const CgroupLayout& layout, const std::vector<std::string>& directories) {
  const MemoryCgroup cgroup = memory_cgroup(layout, directories);
  return cgroup.unified ? watch_v2(cgroup.directory) : watch_v1(cgroup.directory);
}

bool memory_ran_out(const CgroupLayout& layout, const std::vector<std::string>& directories, int watch,
                    std::uint64_t& seen) {
  const MemoryCgroup cgroup = memory_cgroup(layout, directories);
  const std::string file = cgroup.directory + (cgroup.unified ? "/memory.events" : "/memory.oom_control");
  // The end of a v1 cgroup makes its eventfd readable as well.
  if (::access(file.c_str(), F_OK) != 0) throw Error{Errc::not_found, "there is no cgroup " + cgroup.directory};
  if (!cgroup.unified) {
    // Told before the kill is counted: the event itself is the news.
    std::uint64_t events = 0;
    return ::read(watch, &events, sizeof events) == static_cast<ssize_t>(sizeof events) && events > 0;
  }
  drain(watch);
  const std::uint64_t before = seen;
  seen = value_of(read_pairs(file), "oom_kill");
  return seen > before;
}

}  // namespace gantry::container_shim
