#include "shim/cgroup.hpp"

#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "shim/report.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

constexpr std::size_t kInstructionSize = 8;

std::string attach_device_program(const PlanCgroup& cgroup) {
  static const char license[] = "Apache-2.0";
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<std::uintptr_t>(cgroup.device_program.data());
  load.insn_cnt = static_cast<std::uint32_t>(cgroup.device_program.size() / kInstructionSize);
  load.license = reinterpret_cast<std::uintptr_t>(license);
  const UniqueFd program(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  if (!program) return "load the device filter: " + error_text(errno);
  const UniqueFd directory(::open(cgroup.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(directory.get());
  attach.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0) {
    return "attach the device filter to " + cgroup.directory + ": " + error_text(errno);
  }
  return {};
}

// Documentation/admin-guide/cgroup-v2.rst, "Model of Delegation": the directory and the files that the kernel names, by
// which limits stay the host's.
std::string delegate(const PlanCgroup& cgroup) {
  const auto give = [&](const std::string& path) {
    return ::chown(path.c_str(), cgroup.owner, static_cast<gid_t>(-1));
  };
  if (give(cgroup.directory) < 0) return "chown " + cgroup.directory + ": " + error_text(errno);
  const std::string names = read_small_file("/sys/kernel/cgroup/delegate");
  for (std::size_t at = 0, end = 0; (end = names.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string file = cgroup.directory + "/" + names.substr(at, end - at);
    if (give(file) < 0 && errno != ENOENT) return "chown " + file + ": " + error_text(errno);
  }
  return {};
}

std::uint64_t counter_after(const std::string& text, const char* name) {
  const std::string key = std::string(name) + " ";
  const std::size_t at = text.starts_with(key) ? 0 : text.find("\n" + key);
  if (at == std::string::npos) return 0;
  return std::strtoull(text.c_str() + text.find(' ', at) + 1, nullptr, 10);
}

}  // namespace

std::string make_cgroup(const PlanCgroup& cgroup) {
  if (::mkdir(cgroup.directory.c_str(), 0755) < 0 && errno != EEXIST) {
    return "mkdir " + cgroup.directory + ": " + error_text(errno);
  }
  // Whatever the umask: runtimes of languages read their limits, as other users than root.
  if (::chmod(cgroup.directory.c_str(), 0755) < 0) return "chmod " + cgroup.directory + ": " + error_text(errno);
  for (const PlanWrite& write : cgroup.writes) {
    const std::string file = cgroup.directory + "/" + write.file;
    const int error = write_whole_file(file.c_str(), write.value);
    if (error != 0 && !write.optional) {
      return "failed to write \"" + write.value + "\": write " + file + ": " + error_text(error);
    }
  }
  if (cgroup.owner != 0) {
    if (std::string error = delegate(cgroup); !error.empty()) return error;
  }
  return cgroup.device_program.empty() ? std::string() : attach_device_program(cgroup);
}

std::string CgroupDoors::open(const std::vector<PlanCgroup>& cgroups) {
  for (const PlanCgroup& cgroup : cgroups) {
    if (cgroup.unified) continue;
    const std::string file = cgroup.directory + "/tasks";
    doors_.emplace_back(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!doors_.back()) return "open cgroup " + file + ": " + error_text(errno);
  }
  return {};
}

std::vector<int> CgroupDoors::descriptors() const {
  std::vector<int> all;
  for (const UniqueFd& door : doors_) all.push_back(door.get());
  return all;
}

int CgroupDoors::enter() const {
  for (const UniqueFd& door : doors_) {
    if (::write(door.get(), "0", 1) < 0) return errno;
  }
  return 0;
}

const PlanCgroup* unified_cgroup(const std::vector<PlanCgroup>& cgroups) {
  for (const PlanCgroup& cgroup : cgroups) {
    if (cgroup.unified) return &cgroup;
  }
  return nullptr;
}

std::uint64_t oom_kills(const std::vector<PlanCgroup>& cgroups) {
  std::uint64_t kills = 0;
  for (const PlanCgroup& cgroup : cgroups) {
    const char* file = cgroup.unified ? "/memory.events" : "/memory.oom_control";
    if (!cgroup.unified && cgroup.name.find("memory") == std::string::npos) continue;
    kills += counter_after(read_small_file((cgroup.directory + file).c_str()), "oom_kill");
  }
  return kills;
}

void kill_cgroup(const std::vector<PlanCgroup>& cgroups) {
  const PlanCgroup* unified = unified_cgroup(cgroups);
  if (unified != nullptr && write_whole_file((unified->directory + "/cgroup.kill").c_str(), "1") == 0) return;
  if (cgroups.empty()) return;
  const std::string list = read_small_file((cgroups.front().directory + "/cgroup.procs").c_str(), 1U << 20);
  for (const char* at = list.c_str(); *at != '\0';) {
    char* end = nullptr;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) break;
    if (pid > 1) ::kill(static_cast<pid_t>(pid), SIGKILL);
    at = *end == '\n' ? end + 1 : end;
  }
}

}  // namespace gantry::container_shim
