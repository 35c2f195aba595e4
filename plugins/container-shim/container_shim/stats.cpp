#include "container_shim/stats.hpp"

#include <sys/stat.h>

#include <ctime>
#include <sstream>

#include "container_shim/cgroup_v1.hpp"
#include "container_shim/cgroup_v2.hpp"
#include "container_shim/container_files.hpp"

namespace gantry::container_shim {

namespace {

bool has_own_network(pid_t pid) {
  struct stat own {
  }, theirs{};
  return ::stat("/proc/self/ns/net", &own) == 0 &&
         ::stat(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), &theirs) == 0 && own.st_ino != theirs.st_ino;
}

}  // namespace

std::vector<runtime::v1::InterfaceStats> parse_interfaces(const std::string& text) {
  std::vector<runtime::v1::InterfaceStats> interfaces;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    runtime::v1::InterfaceStats item;
    item.name = line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' '));
    std::istringstream figures(line.substr(colon + 1));
    std::uint64_t skipped = 0;
    figures >> item.rx_bytes >> item.rx_packets >> item.rx_errors >> item.rx_dropped;
    for (int i = 0; i < 4; ++i) figures >> skipped;  // fifo, frame, compressed, multicast
    figures >> item.tx_bytes >> item.tx_packets >> item.tx_errors >> item.tx_dropped;
    if (item.name != "lo") interfaces.push_back(std::move(item));
  }
  return interfaces;
}

std::string directory_in(const Hierarchy& hierarchy, const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    if (directory.starts_with(hierarchy.mount + "/")) return directory;
  }
  return {};
}

void read_stats(const CgroupLayout& layout, const std::vector<std::string>& directories, pid_t init,
                runtime::v1::Stats& out) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  out.read_at_ns = std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
  out.cgroup_version = layout.of("memory") != nullptr && layout.of("memory")->unified ? 2 : 1;
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    const std::string directory = directory_in(hierarchy, directories);
    if (directory.empty()) continue;
    if (hierarchy.unified) {
      v2::read_stats(hierarchy, directory, out);
    } else {
      v1::read_stats(hierarchy, directory, out);
    }
  }
  if (has_own_network(init)) out.interfaces = parse_interfaces(read_text("/proc/" + std::to_string(init) + "/net/dev"));
}

}  // namespace gantry::container_shim
