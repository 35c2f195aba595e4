#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gantry/runtime.hpp"
#include "isolation/isolation.hpp"

/// What a runtime driver's tests need around it: a root filesystem of busybox, specifications as the daemon makes them,
/// and the daemon's side of the streams.
namespace gantry::conformance {

inline constexpr int kPatienceMs = 60000;

/// What came out of a container's or an exec's streams.
struct Output {
  std::string out;
  std::string err;
};

/// Waits until a descriptor is readable (or hung up).
inline bool wait_readable(int fd, int timeout_ms = kPatienceMs) {
  pollfd poll{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&poll, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

/// Reads a stream socket to its end, or until the raw bytes hold `until`.
inline std::string read_socket(int fd, const std::string& until = "") {
  std::string bytes;
  char buffer[65536];
  while ((until.empty() || bytes.find(until) == std::string::npos) && wait_readable(fd)) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) {
      if (count < 0) ADD_FAILURE() << "reading a stream failed: " << errno;
      break;
    }
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
  return bytes;
}

/// Takes Docker's multiplexed frames apart.
inline Output demultiplex(const std::string& bytes) {
  Output output;
  std::size_t at = 0;
  while (at + 8 <= bytes.size()) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
    const std::size_t size =
        std::size_t{byte(4)} << 24 | std::size_t{byte(5)} << 16 | std::size_t{byte(6)} << 8 | byte(7);
    if (at + 8 + size > bytes.size()) break;
    (byte(0) == 2 ? output.err : output.out) += bytes.substr(at + 8, size);
    at += 8 + size;
  }
  EXPECT_EQ(at, bytes.size()) << "a frame was cut off";
  return output;
}

/// Writes all to a stream socket.
inline void write_socket(int fd, const std::string& text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t count = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

/// What a container that ran to its end left.
struct Ended {
  int code = -1;
  bool oom_killed = false;
  std::string out;
  std::string err;
};

class RuntimeWorld {
 public:
  using Spec = runtime::v1::Spec;

  RuntimeWorld(std::function<runtime::v1::Driver&()> driver, const Call& call, std::filesystem::path scratch)
      : driver_(std::move(driver)), call_(call), scratch_(std::move(scratch)), parent_(test_cgroup() + "/runtime") {
    make_root();
  }

  ~RuntimeWorld() {
    for (const std::string& id : ids_) {
      try {
        driver_().remove(id, call_);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "remove failed: " << error.what();
      }
    }
    EXPECT_EQ(cgroups_left(), std::vector<std::string>{}) << "the driver left cgroups behind";
    for (const auto& directory : parent_directories()) {
      std::error_code error;
      std::filesystem::remove(directory, error);
    }
  }

  RuntimeWorld(const RuntimeWorld&) = delete;
  RuntimeWorld& operator=(const RuntimeWorld&) = delete;

  [[nodiscard]] std::filesystem::path root() const { return scratch_ / "root"; }
  [[nodiscard]] const std::string& cgroup_parent() const { return parent_; }

  /// A container as `docker run` makes it, with its streams in a log.
  Spec spec(std::vector<std::string> args) {
    Spec spec;
    spec.id = new_id();
    spec.root = {{"bind", root(), "", "", {"rbind"}}};
    const auto add = [&](const char* type, const char* target, std::vector<std::string> options) {
      spec.mounts.push_back({type, type, target, "", std::move(options)});
    };
    add("proc", "/proc", {"nosuid", "noexec", "nodev"});
    add("tmpfs", "/dev", {"nosuid", "strictatime", "mode=755", "size=65536k"});
    add("devpts", "/dev/pts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"});
    add("sysfs", "/sys", {"nosuid", "noexec", "nodev", "ro"});
    add("cgroup", "/sys/fs/cgroup", {"nosuid", "noexec", "nodev", "ro"});
    add("mqueue", "/dev/mqueue", {"nosuid", "noexec", "nodev"});
    add("tmpfs", "/dev/shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"});
    spec.process.args = std::move(args);
    spec.process.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    spec.process.capabilities = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
                                 "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
                                 "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
                                 "CAP_KILL",    "CAP_AUDIT_WRITE"};
    spec.stdio.log_path = log_path(spec.id);
    spec.hostname = "box";
    for (const char* kind : {"pid", "network", "mount", "ipc", "uts"}) spec.namespaces.push_back({kind, ""});
    spec.cgroup_parent = parent_;
    spec.masked_paths = {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi", "/proc/scsi", "/sys/firmware"};
    spec.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    return spec;
  }

  Spec shell(const std::string& script) { return spec({"sh", "-c", script}); }

  /// Creates and starts; the streams are attached from the first byte.
  struct Live {
    std::string id;
    runtime::v1::Running running;
    runtime::v1::Streams streams;
  };

  Live launch(const Spec& spec) {
    Live live = prepare(spec);
    driver_().start(live.id, call_);
    return live;
  }

  Live prepare(const Spec& spec) {
    Live live;
    live.id = spec.id;
    driver_().create(spec, live.running, call_);
    driver_().attach(live.id, live.streams, call_);
    return live;
  }

  Ended finish(Live live, bool terminal = false) {
    Ended ended;
    const std::string bytes = read_socket(live.streams.socket.get());
    EXPECT_TRUE(wait_readable(live.running.exit_fd.get())) << "the container does not end";
    const Output output = terminal ? Output{bytes, ""} : demultiplex(bytes);
    runtime::v1::ExitStatus status;
    driver_().exit_status(live.id, "", status, call_);
    driver_().remove(live.id, call_);
    return {status.code, status.oom_killed, output.out, output.err};
  }

  Ended run(const Spec& spec) { return finish(launch(spec), spec.process.terminal); }
  Ended run_shell(const std::string& script) { return run(shell(script)); }

  /// Ends and removes a container that runs on.
  void kill(Live live) {
    driver_().signal(live.id, "", 9, call_);
    EXPECT_TRUE(wait_readable(live.running.exit_fd.get()));
    driver_().remove(live.id, call_);
  }

  [[nodiscard]] runtime::v1::ExecSpec exec_spec(std::vector<std::string> args) {
    runtime::v1::ExecSpec exec;
    exec.exec_id = new_id();
    exec.process = spec(std::move(args)).process;
    exec.attach_stdout = exec.attach_stderr = true;
    return exec;
  }

  /// Runs a command in a container to its end, with `input` on its standard input if it is not empty.
  Ended exec(const std::string& id, runtime::v1::ExecSpec exec, const std::string& input = "") {
    runtime::v1::Running running;
    runtime::v1::Streams streams;
    if (!input.empty()) exec.attach_stdin = true;
    driver_().exec(id, exec, running, streams, call_);
    if (!input.empty()) {
      write_socket(streams.socket.get(), input);
      ::shutdown(streams.socket.get(), SHUT_WR);
    }
    const Output output = demultiplex(read_socket(streams.socket.get()));
    EXPECT_TRUE(wait_readable(running.exit_fd.get()));
    runtime::v1::ExitStatus status;
    driver_().exit_status(id, exec.exec_id, status, call_);
    return {status.code, status.oom_killed, output.out, output.err};
  }

  Ended exec_command(const std::string& id, std::vector<std::string> args) {
    return exec(id, exec_spec(std::move(args)));
  }

  [[nodiscard]] std::string log_path(const std::string& id) const { return scratch_ / (id + "-json.log"); }

  [[nodiscard]] std::string log(const std::string& id) const {
    std::ifstream file(log_path(id));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  /// Directories of containers that are still below the tests' cgroup parent.
  [[nodiscard]] std::vector<std::string> cgroups_left() const {
    std::vector<std::string> left;
    for (const auto& directory : parent_directories()) {
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        if (entry.is_directory()) left.push_back(entry.path());
      }
    }
    return left;
  }

  std::string new_id() {
    static int counter = 0;
    std::ostringstream id;
    id << std::hex << ::getpid() << 'c' << ++counter;
    std::string text = id.str();
    text.insert(0, 64 - text.size(), 'a');
    ids_.push_back(text);
    return text;
  }

  void write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories((root() / path).parent_path());
    std::ofstream(root() / path) << content;
  }

 private:
  void make_root() const {
    namespace fs = std::filesystem;
    for (const char* directory : {"bin", "etc", "tmp", "root"}) fs::create_directories(root() / directory);
    fs::copy_file("/bin/busybox", root() / "bin/busybox", fs::copy_options::skip_existing);
    for (const char* applet :
         {"sh",   "cat",  "true", "false",  "sleep", "echo",  "id",       "ls",   "ps",      "mount", "hostname",
          "pwd",  "kill", "head", "stty",   "tty",   "test",  "touch",    "dd",   "unshare", "env",   "wc",
          "grep", "ip",   "yes",  "mkfifo", "chmod", "mknod", "readlink", "stat", "seq",     "tail"}) {
      std::error_code exists;
      fs::create_symlink("busybox", root() / "bin" / applet, exists);
    }
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n");
    write("etc/group", "root:x:0:\nuser:x:1000:\nextra:x:2000:user\nmore:x:3000:\n");
  }

  [[nodiscard]] std::vector<std::filesystem::path> parent_directories() const {
    std::vector<std::filesystem::path> found;
    std::set<std::string> seen;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
      std::istringstream words(line);
      std::string device, point, type;
      words >> device >> point >> type;
      const auto directory = std::filesystem::path(point) / parent_;
      std::error_code error;
      if (type.starts_with("cgroup") && std::filesystem::exists(directory, error) && seen.insert(point).second) {
        found.push_back(directory);
      }
    }
    return found;
  }

  std::function<runtime::v1::Driver&()> driver_;
  const Call& call_;
  std::filesystem::path scratch_;
  std::string parent_;
  std::vector<std::string> ids_;
};

}  // namespace gantry::conformance
