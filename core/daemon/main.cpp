#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "daemon/daemon.hpp"
#include "daemon/log.hpp"
#include "daemon/pid_file.hpp"

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

int start(CommandLine command_line) {
  Config config = command_line.config;
  read_config_file(command_line.config_file, command_line.config_file_given, config);
  check(config);
  if (command_line.validate) {
    std::puts("configuration OK");
    return 0;
  }
  start_log(config);
  if (::geteuid() != 0) {
    throw gantry::Error{gantry::Errc::denied, "gantryd needs to be started with root privileges"};
  }
  const PidFile pid_file{config.pidfile};
  Daemon daemon{std::move(command_line), std::move(config)};
  return daemon.run();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine command_line;
  if (const auto status = parse_command_line(argc, argv, command_line)) return *status;
  prepare_process();
  try {
    return start(std::move(command_line));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "failed to start daemon: %s\n", error.what());
    return 1;
  }
}
