#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "gantry/unique_fd.hpp"
#include "isolated/driver_file.hpp"

namespace gantry::isolated {

/// The program `gantry-driver-host`, held open: what is started later is of this daemon's version, also after an update
/// on disk.
class HostProgram {
 public:
  /// Errors: unavailable (it cannot be opened).
  explicit HostProgram(const std::string& path);

  [[nodiscard]] std::string path() const;

 private:
  UniqueFd file_;
};

/// One process of it. It ends with this object, and with the daemon.
class HostProcess {
 public:
  /// `file`: the driver's. Errors: unavailable (also if it is not what it was), exhausted.
  HostProcess(const HostProgram& program, const DriverFile& file);
  ~HostProcess();
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;

  [[nodiscard]] int control() const noexcept { return control_.get(); }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  void kill() noexcept;
  /// Waits for its end, and kills it if that does not come in time. How it ended: "signal 11 (Segmentation fault)".
  std::string wait(std::chrono::milliseconds patience);

 private:
  UniqueFd control_;
  UniqueFd process_;
  pid_t pid_ = -1;
  bool ended_ = false;
};

/// Descriptors in the driver's process: the control socket, and the driver's file.
constexpr int kControlFd = 3;
constexpr int kFileFd = 4;
constexpr int kFirstFreeFd = 5;

}  // namespace gantry::isolated
