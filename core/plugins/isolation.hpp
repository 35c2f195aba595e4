#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gantry/ipam.hpp"
#include "gantry/network.hpp"
#include "isolated/remote.hpp"
#include "plugins/handle.hpp"

namespace gantry::plugins {

struct DriverConfig;

/// Which drivers run in processes of their own (isolate-plugins), and those processes. Any thread.
class Isolation {
 public:
  /// A driver that was started again is told what it knew through the first argument; then the second one is called.
  template <class Driver>
  using Lessons = std::function<void(Handle<Driver> driver, std::function<void()> ready)>;
  struct Teach {
    Lessons<network::v1::Driver> network;  ///< Its networks and endpoints.
    Lessons<ipam::v1::Driver> ipam;        ///< Its pools and addresses.
  };

  /// Errors: unavailable (some are isolated, and the program for it is not there).
  explicit Isolation(const DriverConfig& config);
  /// Waits for the ends of the processes whose drivers have been given up.
  ~Isolation();
  Isolation(const Isolation&) = delete;
  Isolation& operator=(const Isolation&) = delete;

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

  /// Those that are under way just now: a process ends beside whoever gives its driver up.
  [[nodiscard]] const std::shared_ptr<isolated::Ends>& ends() const noexcept { return ends_; }

 private:
  struct Teacher {
    std::mutex mutex;
    Teach teach;
  };

  using WeakRemote = std::shared_ptr<std::weak_ptr<isolated::Remote>>;

  template <class Driver>
  std::function<void(isolated::Lesson)> relearning(const WeakRemote& self,
                                                   const std::shared_ptr<const DriverInfo>& driver,
                                                   Lessons<Driver> Teach::*lessons) const;
  [[nodiscard]] bool names(const DriverInfo& driver) const;

  bool all_;
  std::vector<std::string> names_;
  std::shared_ptr<const isolated::HostProgram> program_;
  std::shared_ptr<Teacher> teacher_ = std::make_shared<Teacher>();
  std::shared_ptr<isolated::Ends> ends_ = std::make_shared<isolated::Ends>();
  std::mutex mutex_;
  std::multimap<std::string, std::weak_ptr<isolated::Remote>> remotes_;  // by file
};

}  // namespace gantry::plugins
