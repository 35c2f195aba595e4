// gantry-driver-host: loads one driver's file and serves its interface to the daemon, so that a driver that crashes
// takes this process with it and nothing else. The daemon starts it, and it never outlives the daemon.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "isolated/frame.hpp"
#include "isolated/host_process.hpp"
#include "isolated/message.hpp"
#include "isolated/servants.hpp"
#include "isolated/served_driver.hpp"
#include "plugins/catalog.hpp"
#include "plugins/foreign.hpp"
#include "plugins/library.hpp"

namespace {

using namespace gantry;
using namespace gantry::isolated;

/// Lines for the daemon's log.
void tell(LogLevel level, std::string_view line) noexcept {
  static std::mutex sending;
  try {
    const std::string message = pack({static_cast<int>(level), line});
    const std::scoped_lock guard{sending};
    send_frame(kControlFd, FrameType::log, message);
  } catch (const std::exception&) {
    // The daemon has ended, and so does this process.
  }
}

LogLevel level_of(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return LogLevel::error;
  if (level == spdlog::level::warn) return LogLevel::warning;
  return level == spdlog::level::info ? LogLevel::info : LogLevel::debug;
}

/// What the host's own code logs about a driver goes to the daemon as the driver's lines do.
class DaemonSink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& line) override {
    tell(level_of(line.level), std::string_view{line.payload.data(), line.payload.size()});
  }
  void flush_() override {}
};

/// Whether the path still means the file that the daemon holds: then the loader finds what lies beside it.
bool is_at(const std::string& path, int file) {
  struct stat named {};
  struct stat held {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file, &held) == 0 && named.st_dev == held.st_dev &&
         named.st_ino == held.st_ino;
}

void load(const std::string& file, ServedDriver& served) {
  // Lives as long as the process: so does what it has mapped.
  static std::unique_ptr<const plugins::Library> library;
  static plugins::DriverInfo info;
  served.translator = [] { return plugins::translate_exception(info); };
  served.log = tell;
  try {
    library = is_at(file, kFileFd) ? std::make_unique<const plugins::Library>(file)
                                   : std::make_unique<const plugins::Library>(file, kFileFd);
    info = library->info();
    served.object = library->make();
    served.base = &plugins::base_of(info.kind, served.object.get());
    plugins::translated(info, [&] {
      served.base->capabilities(info.capabilities);
      served.base->options(info.options);
    });
    served.description = {info.kind, info.name, info.version, info.interface, info.capabilities, info.options};
  } catch (const std::exception& error) {
    served.refusal = error.what();
  }
}

void ignored(int /*signal*/) {}

/// Ends this process with the daemon, whatever the driver is at: also one that hangs while it is loaded or destroyed.
void end_with_daemon() {
  std::thread{[] {
    pollfd daemon{kControlFd, 0, 0};
    while (::poll(&daemon, 1, -1) < 0 || (daemon.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0) {
    }
    ::_exit(0);
  }}.detach();
}

/// The end of the control socket, which is the daemon's, ends this process, and no signal that is sent to a group of
/// processes. Not PR_SET_PDEATHSIG, which tells of the end of the thread that started this. No signal is ignored, which
/// exec would hand on.
void settle() {
  ::prctl(PR_SET_NAME, "gantry-driver");
  struct sigaction nothing {};
  nothing.sa_handler = ignored;
  nothing.sa_flags = SA_RESTART;
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) ::sigaction(signal, &nothing, nullptr);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("driver", std::make_shared<DaemonSink>()));
  spdlog::set_level(spdlog::level::debug);
}

/// Takes connections until the daemon says that there will be no more; false: it has ended.
bool take_connections(Servants& servants, ServedDriver& served) {
  Frame frame;
  while (receive_frame(kControlFd, frame, true)) {
    if (frame.type == FrameType::close) return true;
    if (frame.type != FrameType::connection || frame.descriptors.size() != 2) return false;
    const auto line = std::make_shared<Line>();
    line->socket = std::move(frame.descriptors[0]);
    line->cancel = std::move(frame.descriptors[1]);
    servants.start(line, served);
  }
  return false;
}

bool is_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !is_socket(kControlFd)) {
    std::fprintf(stderr, "gantry-driver-host: gantryd starts it, for a driver that is isolated\n");
    return 2;
  }
  for (const int fd : {kControlFd, kFileFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  settle();
  end_with_daemon();
  static ServedDriver served;
  static Servants servants;
  load(argv[1], served);
  bool orderly = false;
  try {
    orderly = take_connections(servants, served);
  } catch (const BrokenLink&) {
    // Not from the daemon as it is: it ends here.
  }
  if (orderly) {
    // The driver is destroyed when the last connection has ended.
    servants.wait();
    served.object.reset();
  }
  // A driver's threads may still run: nothing is torn down under them.
  ::_exit(0);
}
