#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>

#include "base/fatal_signal.hpp"
#include "daemon/daemon.hpp"
#include "daemon/log.hpp"
#include "daemon/pid_file.hpp"
#include "daemon/proxies.hpp"

namespace {

using namespace gantry::daemon;

void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(0022);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  // Many threads that seldom work: an arena for each would keep what it once used.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  // What is large and short-lived (a batch of libnftables' has 2 MB) goes back to the kernel when it is freed.
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

// What a driver refuses comes of the config, too, most often of its file.
gantry::Error named(const CommandLine& command_line, const Config& config, const gantry::Error& error) {
  if (error.code() != gantry::Errc::invalid || config.from_file.empty()) return error;
  return {error.code(), "unable to configure the daemon with file " + command_line.config_file + ": " + error.what()};
}

int validate(const CommandLine& command_line, const Config& config) {
  try {
    Engine::check_parts(config);
  } catch (const gantry::Error& error) {
    throw named(command_line, config, error);
  }
  std::fputs("configuration OK\n", stderr);
  return 0;
}

int start(const CommandLine& command_line, const Config& config) {
  start_log(config);
  for (const std::string& key : config.foreign) spdlog::warn("{} means nothing to this engine", key);
  if (::geteuid() != 0) {
    throw gantry::Error{gantry::Errc::denied, "gantryd needs to be started with root privileges"};
  }
  const PidFile pid_file{config.pidfile};
  std::unique_ptr<Daemon> daemon;
  try {
    daemon = std::make_unique<Daemon>(command_line, config);
  } catch (const gantry::Error& error) {
    throw named(command_line, config, error);
  }
  return daemon->run();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine command_line;
  if (const auto status = parse_command_line(argc, argv, command_line)) return *status;
  prepare_process();
  const gantry::SignalStack signal_stack;
  gantry::report_fatal_signals("gantryd");
  const char* phase = "";
  try {
    const Config config = load_config(command_line.config, command_line.config_file, command_line.config_file_given);
    export_proxies(config);
    if (command_line.validate) return validate(command_line, config);
    phase = "failed to start daemon: ";
    return start(command_line, config);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s%s\n", phase, error.what());
    return 1;
  }
}
