#pragma once

#include <cstdint>
#include <string>

#include "container_shim/encoding.hpp"

/// What the driver asks a shim: one message for the request (with descriptors), one for the answer, over
/// SOCK_SEQPACKET.
namespace gantry::container_shim {

enum class Operation : std::uint8_t {
  start,   ///< Lets the init go on to its execve; answers once that has succeeded.
  exec,    ///< Descriptors: the plan (memfd), the stream socket, the exit pipe's writing end.
  attach,  ///< Descriptor: the stream socket.
  signal,  ///< `number`: the signal.
  resize,  ///< `number`: rows << 16 | columns.
  reopen_log,
  watch,  ///< Descriptor: the writing end of a pipe that is closed when the process has ended.
};

struct Request {
  Operation operation{};
  std::string exec_id;  ///< Empty: the container's init.
  std::int64_t number{};
};

template <class Archive>
void fields(Archive& archive, Request& r) {
  archive(r.operation, r.exec_id, r.number);
}

struct Reply {
  std::int32_t error{};  ///< 0, or an Errc.
  std::string message;
  std::int64_t pid{};
};

template <class Archive>
void fields(Archive& archive, Reply& r) {
  archive(r.error, r.message, r.pid);
}

inline constexpr std::size_t kMaxMessage = 16384;

/// The descriptors that the driver gives a new shim.
inline constexpr int kControlFd = 3;
inline constexpr int kPlanFd = 4;
inline constexpr int kExitFd = 5;
inline constexpr int kInitProgramFd = 6;  ///< Only with InitKind::program.

/// Files in the shim's directory.
inline constexpr const char* kSocketFile = "sock";
inline constexpr const char* kStateFile =
    "state";  ///< "<shim pid> <its start time> <init pid> <its start time>": started.
inline constexpr const char* kExitFile = "exit";  ///< "<code> <oom killed> <finished at>".
inline constexpr const char* kExecsFile =
    "execs";  ///< A line for each ended exec: "<id> <code> <oom killed> <finished at>".
inline constexpr const char* kCgroupsFile = "cgroups";  ///< The cgroup's directories, written before they are made.
inline constexpr const char* kRootDirectory = "rootfs";

/// With an OCI runtime: its state, what is mounted for it, and a file for the init or an exec ("pid", "log", ...).
inline constexpr const char* kOciStateDirectory = "oci";
inline constexpr const char* kOciMountsDirectory = "mounts";
inline std::string oci_file(const std::string& exec_id, const char* kind) {
  return "oci-" + (exec_id.empty() ? "init" : exec_id) + "." + kind;
}
/// Where the plan's mount number `index` is shown to the runtime, and the device node of that number among those
/// outside of /dev; `directory` is the container's.
inline std::string oci_mount(const std::string& directory, std::size_t index) {
  return directory + "/" + kOciMountsDirectory + "/" + std::to_string(index);
}
inline std::string oci_node(const std::string& directory, std::size_t index) {
  return directory + "/" + kOciMountsDirectory + "/device" + std::to_string(index);
}
/// As which the shim's program runs an OCI runtime: `oci-runtime HIDDEN-MOUNT... -- PROGRAM ARGUMENT...`.
inline constexpr const char* kOciViewName = "oci-runtime";
/// What the shim says first when the runtime itself failed: its log has the reason.
inline constexpr const char* kOciRuntimeFailed = "the OCI runtime ended with status ";
/// The same of one that did not end in time.
inline constexpr const char* kOciRuntimeLate = "the OCI runtime does not come to an end: ";

}  // namespace gantry::container_shim
