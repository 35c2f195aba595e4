#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "isolated/remote.hpp"
#include "plugins/handle.hpp"

namespace gantry::plugins {

struct DriverConfig;

/// Which drivers run in processes of their own (isolate-plugins), and those processes. Io thread, but for
/// what a driver that is started again is told.
class Isolation {
 public:
  /// A network driver that was started again is told of its networks and endpoints through the first argument; then
  /// the second one is called.
  using Teach = std::function<void(Handle<network::v1::Driver> driver, std::function<void()> ready)>;

  /// Errors: unavailable (some are isolated, and the program for it is not there).
  explicit Isolation(const DriverConfig& config);

  /// Whether any driver is isolated: then files are asked what they are by processes of their own, so that nothing of
  /// an isolated one ever runs in this process.
  [[nodiscard]] bool any() const noexcept { return all_ || !names_.empty(); }
  [[nodiscard]] bool wants(const DriverInfo& driver) const;

  /// Errors: those of the file; unavailable.
  [[nodiscard]] DriverInfo question(const std::string& file) const;

  /// Checks the config against the drivers that there are. Errors: invalid.
  void check(const std::vector<DriverInfo>& drivers) const;

  /// A driver's object as its kind's interface: the process begins when it is opened.
  std::shared_ptr<void> make(const std::shared_ptr<const DriverInfo>& driver);

  /// Of the file's objects that are open just now.
  [[nodiscard]] std::vector<int> processes(const std::string& file);

  /// Called on a thread of a driver's own, never after it was replaced.
  void set_teach(Teach teach);

 private:
  struct Teacher {
    std::mutex mutex;
    Teach teach;
  };

  [[nodiscard]] bool names(const DriverInfo& driver) const;

  bool all_;
  std::vector<std::string> names_;
  std::shared_ptr<const isolated::HostProgram> program_;
  std::shared_ptr<Teacher> teacher_ = std::make_shared<Teacher>();
  std::multimap<std::string, std::weak_ptr<isolated::Remote>> remotes_;  // by file
};

}  // namespace gantry::plugins
