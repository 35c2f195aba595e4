#include "leaks.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "daemon.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::e2e {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> all;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) all.push_back(line);
  return all;
}

// Nothing if the file, or the process behind it, is gone.
std::string content_of(const fs::path& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string content;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got <= 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// Where the daemon's cgroups stand: under each controller of v1, or at the root of v2.
std::vector<fs::path> cgroup_parents(const Daemon& daemon) {
  std::vector<fs::path> all{fs::path{"/sys/fs/cgroup"} / daemon.cgroup_parent()};
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{"/sys/fs/cgroup", ignored}) {
    if (entry.is_directory() && !entry.is_symlink()) all.push_back(entry.path() / daemon.cgroup_parent());
  }
  return all;
}

std::vector<std::string> cgroups_of(const Daemon& daemon) {
  std::vector<std::string> all;
  std::error_code ignored;
  for (const fs::path& parent : cgroup_parents(daemon)) {
    for (const auto& entry : fs::directory_iterator{parent, ignored}) {
      if (entry.is_directory()) all.push_back(entry.path().string());
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

// Containers' processes and shims are told by the cgroup or by the daemon's root in their command line.
std::vector<std::string> processes_of(const Daemon& daemon) {
  std::vector<std::string> all;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{"/proc", ignored}) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string cgroup = content_of(entry.path() / "cgroup");
    const std::string command = content_of(entry.path() / "cmdline");
    const bool shim =
        command.find("gantry-shim") != std::string::npos && command.find(daemon.root()) != std::string::npos;
    if (shim || cgroup.find("/" + daemon.cgroup_parent()) != std::string::npos) all.push_back(name);
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> tops_of(const Daemon& daemon) {
  std::vector<std::string> all;
  std::error_code ignored;
  for (const auto& driver : fs::directory_iterator{daemon.exec_root() / "drivers", ignored}) {
    if (!driver.path().filename().string().starts_with("runtime-")) continue;
    for (const auto& entry : fs::directory_iterator{driver.path(), ignored}) {
      if (entry.is_directory()) all.push_back(entry.path().string());
    }
  }
  for (const auto& entry : fs::directory_iterator{daemon.data_root() / "containers", ignored}) {
    all.push_back(entry.path().string());
  }
  std::sort(all.begin(), all.end());
  return all;
}

void append_difference(std::string& text, const char* what, const std::vector<std::string>& expected,
                       const std::vector<std::string>& found) {
  for (const std::string& item : found) {
    if (std::find(expected.begin(), expected.end(), item) == expected.end())
      text += std::string{"left "} + what + ": " + item + "\n";
  }
  for (const std::string& item : expected) {
    if (std::find(found.begin(), found.end(), item) == found.end())
      text += std::string{"lost "} + what + ": " + item + "\n";
  }
}

}  // namespace

Kernel kernel_state(const Daemon& daemon) {
  Kernel state;
  for (const std::string& line : lines_of("/proc/self/mountinfo")) {
    if (line.find(daemon.root()) != std::string::npos) state.mounts.push_back(line);
  }
  std::vector<std::string> devices = lines_of("/proc/self/net/dev");
  for (const std::string& line : devices) {
    if (line.find(':') != std::string::npos) state.links.push_back(line.substr(0, line.find(':')));
  }
  std::sort(state.links.begin(), state.links.end());
  state.cgroups = cgroups_of(daemon);
  state.processes = processes_of(daemon);
  // The rule of a host that forwards since its first IPv6 network stays.
  state.rules = shell(
                    "nft -n list ruleset 2>/dev/null | sed 's/ counter packets [0-9]* bytes [0-9]*//; s/ # handle.*//' "
                    "| grep -v iifkind")
                    .lines();
  state.tops = tops_of(daemon);
  return state;
}

std::vector<std::string> stored_files(const Daemon& daemon) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{daemon.data_root() / "blobs", ignored}) folders.push_back(entry);
  for (const auto& driver : fs::directory_iterator{daemon.data_root() / "drivers", ignored}) {
    if (!driver.path().filename().string().starts_with("storage-")) continue;
    for (const auto& entry : fs::directory_iterator{driver, ignored}) {
      if (entry.is_directory()) folders.push_back(entry);
    }
  }
  std::vector<std::string> all;
  for (const fs::path& folder : folders) {
    for (const auto& entry : fs::directory_iterator{folder, ignored}) {
      // A layer's short name is drawn anew each time.
      const bool link = entry.is_symlink();
      all.push_back((folder / (link ? fs::read_symlink(entry) : entry.path().filename())).string());
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::string leaks_since(const Kernel& expected, const Daemon& daemon) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{15};
  for (;;) {
    const Kernel found = kernel_state(daemon);
    std::string text;
    append_difference(text, "mount", expected.mounts, found.mounts);
    append_difference(text, "link", expected.links, found.links);
    append_difference(text, "cgroup", expected.cgroups, found.cgroups);
    append_difference(text, "process", expected.processes, found.processes);
    append_difference(text, "rule", expected.rules, found.rules);
    append_difference(text, "folder", expected.tops, found.tops);
    if (text.empty() || std::chrono::steady_clock::now() > deadline) return text;
    // The kernel tells nobody when it has destroyed a network namespace: this is the one place that polls.
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

bool have_containers(Daemon& daemon) {
  const nlohmann::json all = daemon.api("GET", "/containers/json?all=1");
  return all.is_array() && !all.empty();
}

void remove_leftovers(const Daemon& daemon) {
  for (const std::string& pid : processes_of(daemon)) ::kill(std::stoi(pid), SIGKILL);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (!processes_of(daemon).empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  for (const std::string& line : lines_of("/proc/self/mounts")) {
    std::istringstream words{line};
    std::string source;
    std::string target;
    words >> source >> target;
    if (target.starts_with(daemon.root().string())) ::umount2(target.c_str(), MNT_DETACH);
  }
}

void remove_default_bridge() {
  const UniqueFd sock{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq down{};
  std::strcpy(down.ifr_name, "gantry0");
  if (::ioctl(sock.get(), SIOCSIFFLAGS, &down) == 0) ::ioctl(sock.get(), SIOCBRDELBR, down.ifr_name);
}

}  // namespace gantry::e2e
