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

/// Memory of the shim's, which sees in it what became of the lines if this process does not come to an orderly end.
class Shared {
 public:
  Shared() {
    struct stat facts {};
    if (::fstat(kDoneFd, &facts) != 0 || !S_ISREG(facts.st_mode)) return;
    const auto size = static_cast<std::size_t>(facts.st_size);
    if (size != sizeof(Counter) && size != 2 * sizeof(Counter)) return;
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, kDoneFd, 0);
    ::close(kDoneFd);
    if (memory == MAP_FAILED) return;
    done_ = static_cast<Counter*>(memory);
    if (size > sizeof(Counter)) told_ = done_ + 1;
  }

  /// Null if there is none.
  [[nodiscard]] Counter* done() const { return done_; }
  /// What this process was to tell. (A shim of an earlier version does not ask.)
  void set_told() const {
    if (told_ != nullptr) *told_ = 1;
  }

 private:
  Counter* done_ = nullptr;
  Counter* told_ = nullptr;
};

/// write FILE [FOLDER CONTAINER [LOST [DROPPED]]]: the driver's file; where the daemon's log is told (a shim of an
/// earlier version does not say); and, if this process takes the place of one that has ended before its time, how many
/// lines were lost since; and, at the end, how many the shim had no room for.
int write(int count, char** words) {
  using namespace gantry::logger;
  Losses losses{count > 3 ? words[3] : "", count > 4 ? words[4] : "", words[2]};
  const bool again = count > 5;
  const std::uint64_t lost = again ? std::strtoull(words[5], nullptr, 10) : 0;
  const Shared shared;
  if (losses.by_predecessor(lost)) shared.set_told();
  if (count > 6) losses.dropped(std::strtoull(words[6], nullptr, 10));
  Counter* const done = shared.done();
  losses.count_told_in(done);
  PumpSettings settings;
  settings.complain = [&](const std::string& reason) { losses.failed(reason); };
  settings.cannot_end = [&](const std::string& reason) { losses.cannot_end(reason); };
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
  return 0;
}

int run(int count, char** words) {
  if (count == 3 && std::string_view{words[1]} == "compress") {
    ::setpriority(PRIO_PROCESS, 0, kLowPriority);
    gantry::logger::compress(STDIN_FILENO, words[2]);
    return 0;
  }
  if (count >= 3 && count <= 7 && std::string_view{words[1]} == "write") return write(count, words);
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
