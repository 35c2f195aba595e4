// gantry-logger: beside a container, for what its log needs beyond what the shim writes itself. Started by the shim.

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "logger/compress.hpp"
#include "logger/driver_file.hpp"
#include "logger/losses.hpp"
#include "logger/pump.hpp"

namespace {

constexpr int kLowPriority = 10;

constexpr int kDoneFd = 3;

using Counter = std::atomic<std::uint64_t>;

/// Shared with the shim, which sees in it what became of the lines if this process does not come to an orderly end.
Counter* shared_counter() {
  struct stat facts {};
  if (::fstat(kDoneFd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size != sizeof(Counter)) return nullptr;
  void* const memory = ::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, kDoneFd, 0);
  ::close(kDoneFd);
  return memory == MAP_FAILED ? nullptr : static_cast<Counter*>(memory);
}

/// write FILE [FOLDER CONTAINER [LOST]]: the driver's file; where the daemon's log is told (a shim of an earlier
/// version does not say); and, if this process takes the place of one that has ended before its time, how many lines
/// were lost since.
int write(int count, char** words) {
  using namespace gantry::logger;
  Losses losses{count > 3 ? words[3] : "", count > 4 ? words[4] : "", words[2]};
  const bool again = count > 5;
  const std::uint64_t lost = again ? std::strtoull(words[5], nullptr, 10) : 0;
  losses.by_predecessor(lost);
  Counter* const done = shared_counter();
  PumpSettings settings;
  settings.complain = [&](const std::string& reason) { losses.failed(reason); };
  settings.late = [&](std::uint64_t left) {
    losses.at_end(left);
    if (done != nullptr) *done += left;
    ::_exit(1);
  };
  settings.done = done;
  try {
    const auto driver = load_driver(words[2]);
    pump(STDIN_FILENO, writer_of(*driver), settings);
  } catch (const std::exception& error) {
    // Not at each try.
    if (!again) losses.cannot_begin(error.what());
    throw;
  }
  losses.sum_up();
  return 0;
}

int run(int count, char** words) {
  if (count == 3 && std::string_view{words[1]} == "compress") {
    ::setpriority(PRIO_PROCESS, 0, kLowPriority);
    gantry::logger::compress(STDIN_FILENO, words[2]);
    return 0;
  }
  if (count >= 3 && count <= 6 && std::string_view{words[1]} == "write") return write(count, words);
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
