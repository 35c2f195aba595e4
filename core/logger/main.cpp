// gantry-logger: beside a container, for what its log needs beyond what the shim writes itself. Started by the shim.

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "logger/compress.hpp"
#include "logger/driver_file.hpp"
#include "logger/pump.hpp"

namespace {

constexpr int kLowPriority = 10;

void complain(const std::string& reason) { std::fprintf(stderr, "gantry-logger: %s\n", reason.c_str()); }

int run(int count, char** words) {
  if (count == 3 && std::string_view{words[1]} == "compress") {
    ::setpriority(PRIO_PROCESS, 0, kLowPriority);
    gantry::logger::compress(STDIN_FILENO, words[2]);
    return 0;
  }
  if (count == 3 && std::string_view{words[1]} == "write") {
    const auto driver = gantry::logger::load_driver(words[2]);
    gantry::logger::pump(STDIN_FILENO, gantry::logger::writer_of(*driver), complain);
    return 0;
  }
  std::fputs("gantry-logger is started by gantry-shim, not by hand\n", stderr);
  return 2;
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);  // a server that has gone is an error of a write's
  try {
    return run(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gantry-logger: %s\n", error.what());
    return 1;
  }
}
