#pragma once

#include <map>
#include <string>
#include <vector>

namespace gantry::e2e {

class Daemon;

/// What a daemon may leave behind in the kernel, as far as one test's daemon can be told from others.
struct Kernel {
  std::vector<std::string> mounts;
  std::vector<std::string> links;
  std::vector<std::string> cgroups;
  std::vector<std::string> processes;  ///< Shims and containers' processes.
  std::vector<std::string> rules;      ///< nftables, without counters and handles.
  std::vector<std::string> tops;       ///< Entries of the storage driver and the shims' folders.

  friend bool operator==(const Kernel&, const Kernel&) = default;
};

Kernel kernel_state(const Daemon& daemon);

/// What is on the disk of images and of containers' files: blobs, layers, tops, with what is half done of them.
std::vector<std::string> stored_files(const Daemon& daemon);

/// Waits until the state is `expected` again (the kernel takes a dead namespace's links away in its own time); the
/// difference as text, empty if there is none.
std::string leaks_since(const Kernel& expected, const Daemon& daemon);

bool have_containers(Daemon& daemon);

/// Ends processes and removes cgroups that a daemon that was killed left: so that a failing test harms no other.
void remove_leftovers(const Daemon& daemon);

/// What a daemon leaves to the next one, and a test is to begin without.
void remove_default_bridge();

}  // namespace gantry::e2e
