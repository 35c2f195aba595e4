#include "containers/init_process.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/file.hpp"

namespace gantry::containers {

UniqueFd open_init(std::int64_t pid, std::uint64_t start_time) {
  UniqueFd init{::open(("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!init || start_time_of(init) != start_time) return {};
  return init;
}

UniqueFd open_network(const std::string& mode, std::int64_t pid, std::uint64_t start_time) {
  if (mode == "host") return UniqueFd{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
  const UniqueFd init = open_init(pid, start_time);
  if (init) return UniqueFd{::openat(init.get(), "ns/net", O_RDONLY | O_CLOEXEC)};
  errno = ESRCH;
  return {};
}

bool has_ended(const UniqueFd& init) { return start_time_of(init) == 0; }

std::uint64_t start_time_of(const UniqueFd& init) {
  std::string text;
  try {
    text = read_file("/proc/self/fd/" + std::to_string(init.get()) + "/stat");
  } catch (const Error&) {
    return 0;
  }
  // The second field is the program's name, which may hold anything.
  std::size_t at = text.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at, nullptr, 10);
}

}  // namespace gantry::containers
