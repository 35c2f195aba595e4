#pragma once

#include <fcntl.h>

#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "containers/init_process.hpp"
#include "containers/service.hpp"
#include "gantry/runtime.hpp"
#include "gantry/storage.hpp"

/// In the tests of the container service the neighbours' services and the drivers are these; they are linked in place
/// of the real ones (service_fakes.cpp defines plugins::Drivers and the neighbours' Service classes).
namespace gantry::containers::fakes {

/// A process of the fake runtime.
struct Process {
  std::int64_t pid{};
  bool started{};
  bool paused{};
  bool exec{};
  std::optional<int> code;
  UniqueFd exited;  ///< An eventfd.
  int attached{};
};

/// The world outside of the daemon: it outlives the service, as containers outlive gantryd.
struct World {
  std::mutex mutex;
  std::mutex create_gate;  ///< As long as a test holds it, no container is made.
  std::mutex top_gate;     ///< As long as a test holds it, nobody learns that a top was made.
  std::map<std::string, Process> processes;
  std::set<std::string> tops;       ///< The storage driver's keys.
  std::set<std::string> stuck;      ///< Those that cannot be removed.
  std::set<std::string> sandboxes;  ///< Containers that are on networks.
  std::set<std::string> acquired;   ///< "volume container".
  std::set<std::string> volumes;
  std::map<std::string, std::string> volume_owners;  ///< The container that an anonymous volume goes with.
  std::vector<std::string> calls;                    ///< In order: "create", "attach", "start", ...
  std::optional<Error> start_failure;
  std::optional<Error> network_failure;
  bool off_networks{};                  ///< Those who join find themselves on none.
  std::optional<Error> signal_failure;  ///< With a conflict the process has just ended.
  bool ignores_term{};
  std::optional<std::shared_future<void>> log_gate;         ///< What the log driver waits for in `plan`.
  std::string address{"172.17.0.2"};                        ///< Of the next sandbox.
  std::map<std::string, std::vector<std::string>> mounted;  ///< By container: the targets, oldest first.
  std::set<std::string> unmountable;                        ///< Targets at which nothing can be mounted.
  images::ImageConfig image;                                ///< Of the only image.
  std::string exec_output;                                  ///< Frames.
  std::int64_t next_pid{1000};
  std::uint64_t start_time = start_time_of(UniqueFd{::open("/proc/self", O_PATH | O_CLOEXEC)});

  World() { image.cmd = {"sh"}; }
  void end(const std::string& id, int code);
  [[nodiscard]] bool holds_nothing();
};

/// The world of the running test.
World*& world();

}  // namespace gantry::containers::fakes
